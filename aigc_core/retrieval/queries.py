"""What is looked for: a text or a picture, as a vector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.data.pictures import UnusableError
from aigc_core.data.records import Skipped
from aigc_core.data.sources.folder import read_bytes
from aigc_core.errors import FileError, UsageError
from aigc_core.retrieval.pieces import Piece, View

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from aigc_core.pipeline.embedders import ReadyEmbedder


def piece_of(thing: str | Path | Image, embedder: ReadyEmbedder) -> Piece:
    """Return one thing as an embedder is shown it.

    Args:
        thing: a text, a picture, or the path of a picture's file.

    Raises:
        UsageError: a text is empty, or holds half a character; the embedder does not look at such things.
        FileError: a file cannot be read as a picture.
    """
    if isinstance(thing, str):
        check_kind(embedder, "text", "texts")
        if not thing.strip():
            raise UsageError("the text is empty", hint="say what to look for")
        try:
            thing.encode()
        except UnicodeEncodeError as error:
            raise UsageError("the text has half a character in it", hint="write it again, as UTF-8") from error
        return Piece(thing, "text", thing)
    check_kind(embedder, "image", "pictures")
    view = View.of(embedder)
    if isinstance(thing, Path):
        return Piece(str(thing), "image", picture_of(thing, view))
    return Piece("picture", "image", view.pixels(np.asarray(thing.convert("RGBA"))))


def check_kind(embedder: ReadyEmbedder, kind: str, spelt: str) -> None:
    """Raise UsageError for an embedder that does not look at such things."""
    if kind not in embedder.modalities:
        raise UsageError(f"{embedder.name} does not look at {spelt}", hint="name a model that does: --model MODEL")


def picture_of(path: Path, view: View) -> NDArray[np.uint8]:
    """Return the picture in a file, uint8 ``(C, H, W)``. Raises FileError where there is none that can be read."""
    content = read_bytes(path, str(path))
    if isinstance(content, Skipped):
        raise FileError(f"{path}: {content.reason}", hint="give the file of a picture, or a text")
    try:
        return view.pixels(content)
    except UnusableError as error:
        raise FileError(
            f"{path} cannot be read as a picture: {error}", hint=f"for the words themselves: --text {path}"
        ) from error
