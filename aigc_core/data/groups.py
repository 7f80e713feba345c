"""Examples that are alike, in groups: what finding copies of pictures and of texts has in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of those that share a bucket, each is compared with so many that follow it. Only where more than that share one could
# a pair be missed, and then it is found by another bucket, or by a neighbour of both.
_WINDOW = 64


@dataclass(frozen=True, slots=True)
class Groups:
    """Examples that are alike.

    Attributes:
        of: int64 ``(N,)``, for each example the first one of its group; for most of them themselves.
    """

    of: NDArray[np.int64]

    @property
    def surplus(self) -> int:
        """How many examples are there besides the first of each group."""
        return int((self.of != np.arange(len(self.of))).sum())

    @property
    def firsts(self) -> NDArray[np.int64]:
        """The first example of each group."""
        return np.flatnonzero(self.of == np.arange(len(self.of)))

    def examples(self, groups: int, members: int) -> list[list[int]]:
        """Return the largest groups, with the first members of each."""
        firsts, counts = np.unique(self.of, return_counts=True)
        largest = [first for first in firsts[np.lexsort((firsts, -counts))][:groups] if (self.of == first).sum() > 1]
        return [np.flatnonzero(self.of == first)[:members].tolist() for first in largest]


def equal(digests: Iterable[bytes]) -> Groups:
    """Group those whose digests are equal; all have one length, a multiple of eight bytes."""
    joined = bytearray()
    count = 0
    for count, digest in enumerate(digests, 1):  # noqa: B007 - how many there were
        joined += digest
    if not count:
        return Groups(np.empty(0, np.int64))
    words = np.frombuffer(joined, np.uint64).reshape(count, -1)
    order = np.lexsort(words.T)  # stable: of equal ones, the first stays first
    begins = np.ones(count, bool)
    begins[1:] = False
    for column in words.T:
        begins[1:] |= column[order[1:]] != column[order[:-1]]
    of = np.empty(count, np.int64)
    of[order] = order[np.flatnonzero(begins)][np.cumsum(begins) - 1]
    return Groups(of)


def bucket_pairs(keys: NDArray[np.unsignedinteger], order: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield pairs of indices ``(P, 2)`` of those that share a bucket, the nearest in `order` first.

    Time grows with N log N, also where all share one: beyond `_WINDOW` places apart no pairs are made.

    Args:
        keys: the bucket of each, ``(N,)``.
        order: an order in which those of one bucket stand together, the likest next to each other.
    """
    keys = keys[order]
    for step in range(1, min(_WINDOW, len(order) - 1) + 1):
        together = np.flatnonzero(keys[step:] == keys[:-step])
        if not len(together):
            return
        yield np.stack([order[together], order[together + step]], axis=1)


def join(of: NDArray[np.int64], pairs: NDArray[np.int64]) -> None:
    """Join the groups of each pair ``(P, 2)``, in place; of each example, `of` has the first one of its group."""
    while len(pairs):
        left, right = of[pairs[:, 0]], of[pairs[:, 1]]
        if (left == right).all():
            return
        # Hang the later one under the earlier one, then let everybody look up to the first of its first.
        np.minimum.at(of, np.maximum(left, right), np.minimum(left, right))
        while (of != of[of]).any():
            of[:] = of[of]
