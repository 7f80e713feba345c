"""Wildcard files: ``flower.txt`` in the user's folder holds one flower a line."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aigc_core import UsageError


@dataclass(frozen=True, slots=True)
class WildcardFile:
    """What one file holds.

    Attributes:
        path: relative to the folder, for messages.
        lines: (line number from 1, text), without empty lines and ``# comments``.
        digest: sha256 of its bytes, hex.
    """

    path: str
    lines: tuple[tuple[int, str], ...]
    digest: str


def open_wildcard(folder: Path | None, name: str, place: object) -> WildcardFile:
    """Return the file that the wildcard `name` stands for.

    Raises:
        UsageError: no folder is given, it has no such file inside, or the file is empty or not UTF-8.
    """
    if folder is None:
        raise UsageError(
            f"template: __{name}__ at {place} needs a folder of wildcards",
            hint='give one: --pre "template wildcards=DIR"',
        )
    path = (folder / f"{name}.txt").resolve()
    # The grammar lets no dot through; a symbolic link could still lead out.
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise UsageError(
            f"template: __{name}__ at {place} names no file in {folder}", hint=_what_is_there(folder, name)
        )
    state = path.stat()
    return _read(path, f"{name}.txt", state.st_mtime_ns, state.st_size)


def _what_is_there(folder: Path, name: str) -> str:
    if not folder.is_dir():
        return "there is no such folder"
    names = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.txt"))
    if not names:
        return "the folder holds no .txt file"
    if close := difflib.get_close_matches(name, names, n=1):
        return f"did you mean __{close[0]}__?"
    return f"there is: {', '.join(f'__{each}__' for each in names[:12])}{', …' if len(names) > 12 else ''}"


@lru_cache(maxsize=64)
def _read(path: Path, shown: str, mtime_ns: int, size: int) -> WildcardFile:
    # Time and size are part of the key, so that an edited file is read again.
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"template: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"template: {path}, line {line}, is not UTF-8", hint="save the file as UTF-8") from error
    stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    lines = tuple((number, line) for number, line in stripped if line and not line.startswith("#"))
    if not lines:
        raise UsageError(f"template: {path} holds no lines to draw from", hint="write one choice a line")
    return WildcardFile(shown, lines, hashlib.sha256(data).hexdigest())
