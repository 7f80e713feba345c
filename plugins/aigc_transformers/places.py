"""From what somebody writes after ``-m`` to a folder: a path, or a name in the local Hugging Face cache.

Nothing is fetched unless it is allowed, and transformers is not imported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from aigc_core import ModelError, Permissions

GGUF = ".gguf"

#: A repository of the Hugging Face hub, ``name`` or ``owner/name``.
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")

#: What is fetched of a repository: no pickles, no weights of other libraries, no pictures.
FETCHED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.spm", "*.jinja", "README.md")
PICKLES = ("*.bin",)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a checkpoint lies.

    Attributes:
        name: what it is called: the folder's last part, the repository's name, or a GGUF file's stem. No path.
        gguf: the one GGUF file that was named, or None.
    """

    folder: Path
    name: str
    gguf: str | None = None


def find_place(name: str, allowed: Permissions) -> Place | None:
    """Return the folder that `name` means, or None where it means nothing here.

    Raises:
        ModelError: it is to be fetched, and cannot be.
    """
    path = Path(name).expanduser()
    if path.suffix == GGUF and path.is_file():
        return Place(path.parent, path.stem, path.name)
    if path.is_dir():
        return Place(path, path.resolve().name)
    if not REPOSITORY.fullmatch(name):
        return None
    if folder := _cached(name):
        return Place(folder, name)
    return Place(_fetched(name, allowed), name) if allowed.download and "/" in name else None


def _cached(repository: str) -> Path | None:
    """Return the newest snapshot of a repository in the local cache, as ``huggingface_hub`` lays it out."""
    from huggingface_hub import constants

    root = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    reference = root / "refs" / constants.DEFAULT_REVISION
    if not reference.is_file():
        return None
    folder = root / "snapshots" / reference.read_text(encoding="utf-8").strip()
    return folder if folder.is_dir() else None


def _fetched(repository: str, allowed: Permissions) -> Path:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    if constants.is_offline_mode():
        raise ModelError(f"{repository} cannot be fetched: HF_HUB_OFFLINE is set", hint="unset it")
    patterns = [*FETCHED, *(PICKLES if allowed.pickle else ())]
    try:
        return Path(snapshot_download(repository, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        said = str(error).strip().splitlines()[0]
        raise ModelError(f"{repository} cannot be fetched: {said}", hint="see whether its name is right") from error
