"""Where a run's files go."""

from __future__ import annotations

import os
from pathlib import Path

from aigc_core.content import Artifact, Content
from aigc_core.errors import FileError
from aigc_core.provenance import extension


class OutputFolder:
    """A folder that artifacts are written to, under names that are never used twice.

    Args:
        folder: made if it is not there.

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

    def path(self, stem: str, content: Content) -> Path:
        """Return a path in the folder that no file has yet: ``stem.png``, ``stem-2.png``, …"""
        ending = extension(content)
        path = self.folder / f"{stem}{ending}"
        number = 2
        while path.exists():
            path = self.folder / f"{stem}-{number}{ending}"
            number += 1
        return path

    def store(self, artifact: Artifact, name: str) -> Path:
        """Write `artifact` under the name of its model and seed, and return the path."""
        return artifact.save(self.path(f"{name.replace('/', '-')}-{artifact.seed}", artifact.content))
