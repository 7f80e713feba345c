"""How much memory there is."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aigc_core.errors import UsageError

_MEMINFO = Path("/proc/meminfo")
#: What a container may use, and what it uses, in control groups of version 2.
_LIMIT, _USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.stat")


def available_memory() -> int:
    """Return the bytes that can still be had without swapping, as far as the system tells; a guess is high."""
    found = [1 << 62]
    try:
        line = next(line for line in _MEMINFO.read_text().splitlines() if line.startswith("MemAvailable:"))
        found.append(int(line.split()[1]) * 1024)
    except (OSError, StopIteration, ValueError):
        with suppress(ValueError, OSError, AttributeError):  # AttributeError: not a Unix
            found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(OSError, StopIteration, ValueError):  # there is no group, or no limit ("max")
        # The files that the system keeps in memory count as used, too, but are given back when memory is asked for.
        used = next(line for line in _USED.read_text().splitlines() if line.startswith("anon "))
        found.append(max(0, int(_LIMIT.read_text()) - int(used.split()[1])))
    return min(found)


@dataclass(slots=True)
class Room:
    """The memory that pictures may take. They are there twice while they are put in order.

    Attributes:
        name: of the data, for the error.
        available: bytes that there were at the start.
        taken: bytes of pixels so far.
    """

    name: str
    available: int = field(default_factory=available_memory)
    taken: int = 0

    def take(self, count: int) -> None:
        """Note that the pixels take `count` bytes more, or fewer.

        Raises:
            UsageError: that is more than there are.
        """
        self.taken += count
        if 2 * self.taken > self.available:
            raise UsageError(
                f"the pictures of {self.name} take more memory than the {self.available / 1024**3:,.1f} GiB there are",
                hint="read them smaller, or fewer of them",
            )
