"""Where a run's files go."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aigc_core.content import Artifact
from aigc_core.errors import FileError
from aigc_core.provenance import extension

try:
    import fcntl
except ImportError:  # Windows has no such lock; there, two runs into one folder at once take their chances
    fcntl = None  # type: ignore[assignment]


class OutputFolder:
    """A folder that artifacts are written to, under names that are never used twice.

    Args:
        folder: made if it is not there.

    Attributes:
        resolved: the folder's whole path, without links; asked of the system once, not for every file.

    Raises:
        FileError: it cannot be made or written to; known before anything is generated.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".aigc-{os.getpid()}.part"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise FileError(
                f"the output folder {folder} cannot be written to: {error.strerror}",
                hint="choose another with -o DIR",
            ) from error
        self._lock = _Lock(folder)
        self.resolved = folder.resolve()

    @contextmanager
    def free_path(self, stem: str, ending: str) -> Iterator[Path]:
        """Give a path in the folder that no file has yet: ``stem.png``, ``stem-2.png``, … for the ending ``.png``.

        The name is the caller's until the end of the block, whoever else writes to the folder.
        """
        with self._lock:
            path = self.folder / f"{stem}{ending}"
            number = 2
            while path.exists():
                path = self.folder / f"{stem}-{number}{ending}"
                number += 1
            yield path

    def store(self, artifact: Artifact, stem: str) -> Path:
        """Write `artifact` under the name `stem`, or one like it, and return the path."""
        with self.free_path(stem, extension(artifact.content)) as path:
            return artifact.save(path)


class _Lock:
    """Holds a folder against other runs; the system lets go of it when a process dies."""

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder, os.O_RDONLY) if fcntl else -1
        if fcntl:
            weakref.finalize(self, os.close, self._handle)

    def __enter__(self) -> None:
        if fcntl:
            fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(self, *error: object) -> None:
        if fcntl:
            fcntl.flock(self._handle, fcntl.LOCK_UN)
