"""Texts as they are learnt from: documents, each alone and padded by batch, or one stream that is read on and on.

A batch holds every token that is read or predicted: what is read is ``data[:, :-1]``, and what is to be predicted of it
``data[:, 1:]``. Each text is ``<s> … </s>``.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Self

import numpy as np
import torch
from numpy.random import Generator, Philox
from numpy.typing import NDArray
from torch import Tensor

from aigc_core import Batch, DataShape, UsageError
from aigc_text.tokenizer import MOST, Tokenizer

#: Texts that are encoded at once: all of them may be more than the memory holds.
AT_ONCE = 10_000
#: Bytes of token ids that are kept in memory; more go to a temporary file, which the system reads as it is needed.
IN_MEMORY = 256 * 1024**2
#: Batches whose texts are sorted by length together, so that little of a batch is padding, and yet none are alike.
POOL = 50
#: Orders of a stream that there are; which is taken, the seed and the epoch say.
ORDERS = 2**31


class Tokens:
    """Token ids, added piece by piece; on disk where they are many, so that any number is no matter of memory.

    Attributes:
        count: of them.
    """

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - it lives as long as this does
        weakref.finalize(self, self._file.close)
        self.count = 0

    def add(self, pieces: Sequence[NDArray[np.uint16]]) -> None:
        """Add the ids of `pieces`."""
        joined = np.concatenate(pieces)
        self._file.write(joined.tobytes())
        self.count += len(joined)

    def array(self) -> NDArray[np.uint16]:
        """Return all ids, to be read only."""
        if self.count * 2 > IN_MEMORY:
            self._file.flush()
            return np.memmap(self._file, np.uint16, "r", shape=(self.count,))  # type: ignore[call-overload, no-any-return]
        self._file.seek(0)
        return np.frombuffer(self._file.read(), np.uint16)


@dataclass(frozen=True, slots=True)
class Rows:
    """Token ids of many texts, one after the other.

    Attributes:
        tokens: uint16 ``(all tokens,)``.
        starts: int64 ``(N + 1,)``; text n is ``tokens[starts[n] : starts[n + 1]]``.
    """

    tokens: NDArray[np.uint16]
    starts: NDArray[np.int64]

    @classmethod
    def encode(
        cls,
        texts: Sequence[str],
        tokenizer: Tokenizer,
        longest: int | None = None,
        *,
        begin: bool = False,
        end: bool = True,
    ) -> Self:
        """Encode texts.

        Args:
            longest: tokens that are taken of a text, specials included; what it has more is cut off, its end first.
            begin, end: put the special token before, after.

        Raises:
            UsageError: the vocabulary is too large for two bytes; see ``Tokenizer.encode``.
        """
        if tokenizer.size > MOST:
            raise UsageError(
                f"a vocabulary of {tokenizer.size:,} is too large", hint=f"at most {MOST:,} are known here"
            )
        before, after = ([tokenizer.bos] if begin else []), ([tokenizer.eos] if end else [])
        sizes, tokens = np.zeros(len(texts) + 1, np.int64), Tokens()
        for first in range(0, len(texts), AT_ONCE):
            encoded = tokenizer.encode_all(texts[first : first + AT_ONCE])
            rows = [np.concatenate([before, ids, after])[:longest].astype(np.uint16) for ids in encoded]
            sizes[first + 1 : first + 1 + len(rows)] = [len(row) for row in rows]
            tokens.add(rows)
        return cls(tokens.array(), np.cumsum(sizes))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text, ``(N,)``."""
        return np.diff(self.starts)

    @property
    def longest(self) -> int:
        """Tokens of the longest text."""
        return int(self.lengths.max())

    def cut(self, longest: int) -> Self:
        """Return the texts with at most `longest` tokens each, their beginnings."""
        lengths = np.minimum(self.lengths, longest)
        kept = [self.tokens[start : start + length] for start, length in zip(self.starts, lengths, strict=False)]
        return type(self)(np.concatenate(kept), np.concatenate([[0], np.cumsum(lengths)]))

    def padded(self, indices: Sequence[int] | NDArray[np.int64], width: int | None = None) -> Tensor:
        """Return texts as int64 ``(B, T)``, T as long as the longest of them, or cut and filled up to `width`."""
        rows = [self.tokens[self.starts[index] : self.starts[index + 1]][:width] for index in indices]
        padded = np.full((len(rows), width or max(map(len, rows))), Tokenizer.pad, np.int64)
        for place, row in enumerate(rows):
            padded[place, : len(row)] = row
        return torch.from_numpy(padded)


class Documents:
    """Texts that are learnt from each alone, beginning and end included, padded to the longest of a batch.

    Args:
        rows: the texts' tokens, ``<s>`` and ``</s>`` included.
        described: what a component must know of them.
        condition: labels int64 ``(N,)`` or vectors float32 ``(N, D)``, or None.
    """

    def __init__(self, rows: Rows, described: DataShape, condition: NDArray[np.int64 | np.float32] | None) -> None:
        self._rows = rows
        self.described = described
        self._condition = None if condition is None else torch.from_numpy(np.ascontiguousarray(condition))

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, indices: NDArray[np.int64]) -> Batch:
        """Return the texts at `indices` ``(B, T)``, T as long as the longest of them, with their conditions."""
        condition = None if self._condition is None else self._condition[torch.from_numpy(indices)]
        return Batch(self._rows.padded(indices), condition)

    def order(self, seed: int, batch: int) -> ByLength:
        """Return an order in which the texts of a batch are about equally long."""
        return ByLength(self._rows.lengths, seed, batch)


class ByLength:
    """An endless order of texts whose batches hold texts of about one length, each epoch another order.

    Pools of texts are drawn, each sorted by length and cut into batches, and all batches shuffled. Where the number of
    texts is not a multiple of the batch's, an epoch leaves out or repeats a few, others each time.

    Args:
        lengths: of each text.
        seed: of the order.
        batch: texts of a step.
    """

    def __init__(self, lengths: NDArray[np.int64], seed: int, batch: int) -> None:
        self._lengths, self._seed, self._batch = lengths, seed, batch
        self._steps = max(1, len(lengths) // batch)
        self._epoch: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def indices(self, start: int, count: int) -> NDArray[np.int64]:
        """Return the texts at places ``start .. start + count - 1``."""
        size = self._steps * self._batch
        places = np.arange(start, start + count)
        found = np.empty(count, np.int64)
        for epoch in range(start // size, (start + count - 1) // size + 1):
            here = places // size == epoch
            found[here] = self._of_epoch(epoch)[places[here] % size]
        return found

    def _of_epoch(self, epoch: int) -> NDArray[np.int64]:
        if self._epoch[0] != epoch:
            random = _random(self._seed, epoch)
            order = np.resize(random.permutation(len(self._lengths)), self._steps * self._batch)
            for first in range(0, len(order), POOL * self._batch):
                pool = order[first : first + POOL * self._batch]
                order[first : first + len(pool)] = pool[np.argsort(self._lengths[pool], kind="stable")]
            batches = order.reshape(self._steps, self._batch)[random.permutation(self._steps)]
            self._epoch = epoch, batches.reshape(-1)
        return self._epoch[1]


class Windows:
    """Texts one after the other, in a new order each epoch, cut into windows that are read on from step to step.

    A window is an example. Its index says which order of the texts it is cut from, so that all there is to know of a
    window is its index: ``index = order * len(self) + window``.

    Args:
        rows: the texts' tokens, ``<s>`` and ``</s>`` included.
        window: tokens that are predicted at once.
        described: what a component must know of them.
    """

    def __init__(self, rows: Rows, window: int, described: DataShape) -> None:
        self._rows, self._window = rows, window
        self.described = described
        self._order: tuple[int, NDArray[np.uint16], int] = (-1, np.empty(0, np.uint16), 0)

    def __len__(self) -> int:
        return max(1, (len(self._rows.tokens) - 1) // self._window)

    def batch(self, indices: NDArray[np.int64]) -> Batch:
        """Return windows ``(B, window + 1)``; the last token of one is the first of the next."""
        data = np.empty((len(indices), self._window + 1), np.int64)
        for row, index in enumerate(indices):
            order, window = divmod(int(index), len(self))
            piece = self._piece(order, window * self._window)
            data[row] = piece if len(piece) == self._window + 1 else np.resize(piece, self._window + 1)
        return Batch(torch.from_numpy(data))

    def order(self, seed: int, batch: int) -> Lanes:
        """Return an order in which each row of a batch goes on where the same row of the batch before ended."""
        return Lanes(len(self), seed, batch)

    def _piece(self, order: int, start: int) -> NDArray[np.uint16]:
        """Return a window and the token after it; the last one may be shorter."""
        tokens, begin = self._in_order(order)
        places = np.arange(start, min(start + self._window + 1, len(tokens)))
        return tokens[(begin + places) % len(tokens)]

    def _in_order(self, order: int) -> tuple[NDArray[np.uint16], int]:
        """Return all tokens with the texts in the order of that number; in order 0 they stand as they were given.

        And at which of them to begin: elsewhere in each, or a single long one would be cut at the same places for ever.
        """
        if order == 0:
            return self._rows.tokens, 0
        if self._order[0] != order:
            random, rows = _random(order, 0), self._rows
            joined = Tokens()
            places = random.permutation(len(rows))
            for first in range(0, len(places), AT_ONCE):
                some = places[first : first + AT_ONCE]
                joined.add([rows.tokens[rows.starts[place] : rows.starts[place + 1]] for place in some])
            self._order = order, joined.array(), int(random.integers(joined.count))
        return self._order[1:]


class Lanes:
    """An endless order of windows: the row at each place of a batch reads a part of the texts from start to end.

    Args:
        count: windows of an epoch.
        seed: of the order of texts, another one each epoch.
        batch: rows of a step.
    """

    def __init__(self, count: int, seed: int, batch: int) -> None:
        self._count, self._seed, self._batch = count, seed, batch
        self._steps = max(1, count // batch)

    def indices(self, start: int, count: int) -> NDArray[np.int64]:
        """Return the windows at places ``start .. start + count - 1``."""
        steps, lanes = np.divmod(np.arange(start, start + count), self._batch)
        epochs, places = np.divmod(steps, self._steps)
        orders = np.empty(count, np.int64)
        for epoch in np.unique(epochs):
            orders[epochs == epoch] = _random(self._seed, int(epoch)).integers(1, ORDERS)
        # Lanes begin evenly spaced; where there are fewer windows than lanes, some begin at the same one.
        begins = lanes * self._count // self._batch
        windows: NDArray[np.int64] = orders * self._count + (begins + places) % self._count
        return windows


def _random(seed: int, epoch: int) -> Generator:
    return Generator(Philox(key=[seed, epoch]))  # a stream for each pair of numbers
