"""Many texts in little memory: their bytes one after the other, on disk where they are many."""

from __future__ import annotations

import hashlib
import mmap
import tempfile
import weakref
from abc import abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Bytes that are kept in memory; more go to a temporary file, which the system reads as it is needed.
IN_MEMORY = 256 * 1024**2


class Stored(Sequence[str]):
    """A sequence of texts of which only those are in memory that are looked at."""

    @abstractmethod
    def _at(self, place: int) -> str:
        """Return the text at a place that there is."""

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self._at(place) for place in range(*index.indices(len(self)))]
        place = index if index >= 0 else index + len(self)
        if not 0 <= place < len(self):
            raise IndexError(f"text {index} of {len(self)}")
        return self._at(place)

    def __iter__(self) -> Iterator[str]:
        return map(self._at, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # it may still grow

    def some(self, places: NDArray[np.int64]) -> Some:
        """Return the texts at `places`, in that order."""
        return Some(self, places)


class Some(Stored):
    """Some of many texts, which stay where they are."""

    def __init__(self, texts: Stored, places: NDArray[np.int64]) -> None:
        self._texts, self._places = texts, places

    def __len__(self) -> int:
        return len(self._places)

    def _at(self, place: int) -> str:
        return self._texts[int(self._places[place])]


class Texts(Stored):
    """A sequence of texts that takes a byte a letter, and none of them where they are too many for the memory.

    Args:
        texts: to begin with.
        errors: what becomes of a lone surrogate: it is an error, or passes, as in names of files.
    """

    def __init__(self, texts: Iterable[str] = (), errors: Literal["strict", "surrogatepass"] = "strict") -> None:
        self._errors = errors
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - it lives as long as this does
        weakref.finalize(self, self._file.close)
        self._ends = array("q", [0])
        self._view: bytes | mmap.mmap | None = None
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """Add a text. Raises UnicodeEncodeError for a lone surrogate that may not pass."""
        encoded = text.encode(errors=self._errors)
        self._view = None
        self._file.seek(self._ends[-1])
        self._file.write(encoded)
        self._ends.append(self._ends[-1] + len(encoded))

    @property
    def size(self) -> int:
        """How many bytes the texts have in all."""
        return self._ends[-1]

    def _bytes(self) -> bytes | mmap.mmap:
        if self._view is None:
            self._file.flush()
            if self.size > IN_MEMORY:
                self._view = mmap.mmap(self._file.fileno(), self.size, access=mmap.ACCESS_READ)
            else:
                self._file.seek(0)
                self._view = self._file.read()
        return self._view

    def __len__(self) -> int:
        return len(self._ends) - 1

    def _at(self, place: int) -> str:
        return self._bytes()[self._ends[place] : self._ends[place + 1]].decode(errors=self._errors)

    def digest(self) -> str:
        """Return the sha256 of all texts with their lengths."""
        digest = hashlib.sha256(self._ends.tobytes())
        content = self._bytes()
        for start in range(0, self.size, 1 << 24):
            digest.update(content[start : start + (1 << 24)])
        return digest.hexdigest()
