"""Reading files that others may be writing at this very moment."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from aigc_core.data.records import Skipped
from aigc_core.data.sources.folder import read_bytes, unreadable

#: Nanoseconds after which a file that was written has another time: FAT counts in steps of two seconds.
_COARSEST = 2 * 10**9


@dataclass(frozen=True, slots=True)
class State:
    """What a file's size and time were; where both are the same, so is its content.

    Attributes:
        modified: nanoseconds since 1970; 0 where the file was written so shortly before it was read that it may have
            been written once more without a change of its time. No file has that time, so it will be read again.
    """

    size: int
    modified: int

    @classmethod
    def of(cls, status: os.stat_result) -> State:
        """Return the state that the system tells of."""
        return cls(status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file's content as it was for a moment, and its sha256."""

    state: State
    content: bytes = field(repr=False)
    sha256: str


def read_settled(path: Path, name: str) -> Snapshot | Skipped:
    """Read a file that does not change while it is read; after a second try, or without a first, say why not.

    Args:
        path: where it is.
        name: what it is called where it is skipped.
    """
    for _ in range(2):
        try:
            began, before = time.time_ns(), State.of(path.stat())
            content = read_bytes(path, name)
            if isinstance(content, Skipped):
                return content
            if before == State.of(path.stat()) and before.size == len(content):
                fresh = began - before.modified < _COARSEST
                state = State(before.size, 0 if fresh else before.modified)
                return Snapshot(state, content, hashlib.sha256(content).hexdigest())
        except OSError as error:
            return Skipped(name, gone(error))
    return Skipped(name, "changed while it was read")


def gone(error: OSError) -> str:
    """Say why a file that was listed cannot be looked at, the same words for each of a kind."""
    return "vanished meanwhile" if isinstance(error, FileNotFoundError) else unreadable(error)
