"""Files that are there whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from pathlib import Path

from aigc_core.errors import FileError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def store(path: Path, data: bytes) -> Path:
    """Write `data` to `path`, replacing what is there, whole or not at all. Raises as `store_all`."""
    store_all({path: data})
    return path


def store_all(files: Mapping[Path, bytes]) -> None:
    """Write several files that belong together: all are written to hidden names first, then renamed in order.

    A killed process leaves at most a hidden ``.aigc-*.tmp``, never half a file. There is no fsync, which
    would cost more than all the rest: after a power cut a file may be empty.

    Raises:
        FileError: a folder is missing or cannot be written, the disk is full, a path is a folder.
    """
    hidden: dict[Path, Path] = {}
    path = Path()
    try:
        for path, data in files.items():
            hidden[path] = path.with_name(f".aigc-{os.urandom(6).hex()}.tmp")
            _create(hidden[path], data)
        for path in files:
            hidden[path].replace(path)
            del hidden[path]
    except OSError as error:
        raise refusal(error, path) from error
    finally:
        for leftover in hidden.values():
            with contextlib.suppress(OSError):
                leftover.unlink()


def refusal(error: OSError, path: Path) -> FileError:
    """Say why `path` cannot be written, and what to do about it."""
    if error.errno in _FULL:
        return FileError(f"cannot write {path}: the disk is full", hint="free some space, or choose another folder")
    if error.errno in _FORBIDDEN:
        return FileError(f"cannot write {path}: not allowed", hint=f"choose another folder than {path.parent}")
    if error.errno == errno.ENAMETOOLONG:
        return FileError(f"cannot write {path.name[:40]}…: the name is too long", hint="choose a shorter name")
    if path.is_dir():
        return FileError(f"cannot write {path}: it is a folder", hint="name a file in it")
    if error.errno == errno.ENOENT:
        return FileError(f"cannot write {path}: there is no folder {path.parent}", hint="make the folder first")
    if error.errno == errno.ENOTDIR:
        return FileError(f"cannot write {path}: {path.parent} is no folder", hint="choose another folder")
    return FileError(f"cannot write {path}: {error.strerror or error}", hint="choose another folder")


def _create(path: Path, data: bytes) -> None:
    # Not tempfile: its files are readable by their owner alone, and would stay so under their final name.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor has no path
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
