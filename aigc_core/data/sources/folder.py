"""The files of a folder on disk, at any depth."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from aigc_core.data.records import MAX_BYTES, Skipped


class Folder:
    """Files below a folder. Links are followed, each folder is read once, hidden names are left out.

    Attributes:
        names: paths of the files below the folder, with ``/``, sorted.
        problems: what cannot be read: folders without permission, broken links, pipes.
    """

    kind = "folder"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[Skipped] = []
        self.names = sorted(self._walk(root, "", set()))

    def _walk(self, folder: Path, prefix: str, seen: set[tuple[int, int]]) -> Iterator[str]:
        try:
            # The same folder by another way is a loop, or the same pictures once more.
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                self.problems.append(Skipped(prefix, "a link to a folder that is read already"))
                return
            seen.add((status.st_dev, status.st_ino))
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.problems.append(Skipped(prefix or str(folder), unreadable(error)))
            return
        links = [entry for entry in entries if entry.is_symlink()]
        # A real folder is read under its own name, whatever links to it stand before it.
        for entry in [*(entry for entry in entries if entry not in links), *links]:
            if entry.name.startswith("."):
                continue
            name = prefix + entry.name
            try:
                mode = entry.stat().st_mode
            except FileNotFoundError:
                self.problems.append(Skipped(name, "a broken link"))
            except OSError as error:
                self.problems.append(Skipped(name, unreadable(error)))
            else:
                if stat.S_ISDIR(mode):
                    yield from self._walk(Path(entry.path), f"{name}/", seen)
                elif stat.S_ISREG(mode):
                    yield name
                else:
                    self.problems.append(Skipped(name, "neither a file nor a folder"))

    def contents(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | Skipped]]:
        """Yield each wanted file's name with its bytes, or with why it is not read."""
        for name in filter(wanted, self.names):
            yield name, read_bytes(self.root / name, name)


def read_bytes(path: Path, name: str) -> bytes | Skipped:
    """Read a whole file, or say why not."""
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return Skipped(name, "neither a file nor a folder")
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Skipped(name, "there is no such file")
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        return Skipped(name, unreadable(error))
    return data if len(data) <= MAX_BYTES else Skipped(name, TOO_LARGE)


TOO_LARGE = f"larger than {MAX_BYTES // 1024**2} MiB"


def unreadable(error: OSError | ValueError) -> str:
    """Say why something cannot be read, the same words for each file."""
    return f"cannot be read: {(isinstance(error, OSError) and error.strerror) or 'the name is impossible'}"
