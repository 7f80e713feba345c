"""Read the user's lists: entries from ``aigc.toml``, and files with one entry a line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from aigc_core import UsageError
from aigc_filters.folding import fold


def folded_entries(
    entries: tuple[str, ...], files: tuple[Path, ...], case_sensitive: bool, which: str
) -> dict[str, str]:
    """Return the entries of one list, folded, each with how the user wrote it.

    Args:
        which: ``"deny"`` or ``"allow"``, for messages.

    Raises:
        UsageError: an entry is empty, or a file cannot be read; names the file and line.
    """
    given = [(entry, f"{which}, entry {number}") for number, entry in enumerate(entries, 1)]
    for path in files:
        given.extend(_lines(path))
    found: dict[str, str] = {}
    for entry, where in given:
        text = fold(entry, case_sensitive=case_sensitive).text.strip()
        if not text:
            raise UsageError(f"wordlist: {where}: the entry {entry!r} is empty", hint="remove it")
        found.setdefault(text, entry.strip())
    return found


def file_version(path: Path) -> tuple[Path, int, int]:
    """Return what changes when a file does: path, time of change in ns, size in bytes.

    Raises:
        UsageError: there is no such file.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return (path, state.st_mtime_ns, state.st_size)


def file_digest(path: Path) -> str:
    """Return the sha256 of a file that holds a list, hex.

    Raises:
        UsageError: it cannot be read, or is not UTF-8.
    """
    return _read(*file_version(path))[1]


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    yield from ((line, f"{path}, line {number}") for number, line in _read(*file_version(path))[0])


@lru_cache(maxsize=32)
def _read(path: Path, mtime_ns: int, size: int) -> tuple[tuple[tuple[int, str], ...], str]:
    # Time and size are part of the key, so that an edited list is read again.
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise _unreadable(path, error) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"wordlist: {path}, line {line}: not UTF-8", hint="save it as UTF-8") from error
    stripped = ((number, line.strip()) for number, line in enumerate(text.split("\n"), 1))
    lines = tuple((number, line) for number, line in stripped if line and not line.startswith("#"))
    return lines, hashlib.sha256(data).hexdigest()


def _unreadable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"wordlist: cannot read {path}: {error.strerror}",
        hint="check deny_files and allow_files of [filters.wordlist]",
    )
