"""The n-grams of many texts, as numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aigc_metrics.text.words import words

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """Texts one after the other.

    Attributes:
        tokens: ``(T,)``, a number for each word, the same for the same word.
        text: ``(T,)``, which text it is of.
        count: number of texts.
    """

    tokens: Numbers
    text: Numbers
    count: int

    @classmethod
    def of(cls, texts: Iterable[str]) -> Corpus:
        """Cut texts into words."""
        known: dict[str, int] = {}
        cut = [[known.setdefault(word, len(known)) for word in words(text)] for text in texts]
        lengths = [len(each) for each in cut]
        tokens = np.fromiter((token for each in cut for token in each), np.int64, sum(lengths))
        return cls(tokens, np.repeat(np.arange(len(cut)), lengths), len(cut))

    @property
    def lengths(self) -> Numbers:
        """How many words each text has, ``(count,)``."""
        return np.bincount(self.text, minlength=self.count)

    def ngrams(self, n: int) -> tuple[Numbers, Numbers]:
        """Return a number for each n-gram, the same for the same one, and the text that it is of, ``(G,)`` each."""
        if len(self.tokens) < n:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        numbers, base = self.tokens, int(self.tokens.max()) + 1
        for place in range(1, n):
            # Numbered anew each time, so that they stay below the count of tokens and nothing overflows.
            numbers = np.unique(numbers[:-1] * base + self.tokens[place:], return_inverse=True)[1]
        text = self.text[: len(numbers)]
        within = text == self.text[n - 1 :]
        return numbers[within], text[within]
