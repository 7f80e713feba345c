"""Found pictures on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image as Images

from aigc_core.contact_sheet import contact_sheet
from aigc_core.data.pictures import UnusableError, decode, measure
from aigc_core.data.records import Skipped
from aigc_core.data.sources.folder import read_bytes
from aigc_core.errors import UsageError
from aigc_core.retrieval.index import Hit

if TYPE_CHECKING:
    from PIL.Image import Image

#: Pixels of the longer side on a sheet.
SIDE = 128


def sheet_of(hits: Sequence[Hit]) -> Image:
    """Return the pictures among what was found, the nearest first, each with its rank and similarity under it.

    Raises:
        UsageError: there is none, or where they are is not known.
    """
    pictures, captions = [], []
    for hit in hits:
        if hit.kind == "image" and hit.path is not None and (picture := thumbnail(hit.path)) is not None:
            pictures.append(picture)
            captions.append(f"{hit.rank}: {hit.similarity:.3f}")
    if not pictures:
        elsewhere = any(hit.kind == "image" and hit.path is None for hit in hits)
        raise UsageError(
            "where the pictures of this index are is not known" if elsewhere else "no picture was found for a sheet",
            hint="search their folder: --in FOLDER" if elsewhere else "look for pictures only: --modality image",
        )
    return contact_sheet(pictures, captions)


def thumbnail(path: Path) -> Image | None:
    """Return a whole picture, made as small as `SIDE` where it is larger; None where it can no longer be read."""
    content = read_bytes(path, str(path))
    if isinstance(content, Skipped):
        return None
    try:
        width, height = measure(content)
        scale = min(1.0, SIDE / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        return Images.fromarray(decode(content, size, fit="stretch", tiny=True).pixels)
    except UnusableError:
        return None
