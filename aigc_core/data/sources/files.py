"""The files at a path: those of a folder, or of an archive."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

from aigc_core.data.sources.archive import TarFiles, ZipFiles
from aigc_core.data.sources.folder import Folder
from aigc_core.data.sources.tree import Tree
from aigc_core.errors import UsageError

_TAR_SUFFIXES = (".tgz", ".tbz2", ".txz")


def tree_of(path: Path, kinds: str) -> Tree:
    """Return the files of a folder or archive.

    Args:
        path: what is there.
        kinds: of data that may be there, for the error.

    Raises:
        FileError: an archive is damaged.
        UsageError: it is neither.
    """
    if path.is_dir():
        return Folder(path)
    suffix = path.suffix.lower()
    # By content, whatever the name; a damaged one is still named for what it should be.
    if suffix == ".zip" or zipfile.is_zipfile(path):
        return ZipFiles(path)
    is_tar = ".tar" in [part.lower() for part in path.suffixes] or suffix in _TAR_SUFFIXES
    if is_tar or tarfile.is_tarfile(path):
        return TarFiles(path)
    raise UsageError(f"{path.name} is no kind of data that is known here", hint=f"data is {kinds}")
