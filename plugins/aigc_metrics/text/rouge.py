"""``rouge``: how many words, pairs of words, and words in the same order a text shares with its reference.

Lin 2004 (ROUGE: a package for automatic evaluation of summaries): sections 2 and 3, F-measures with β = 1, words in
small letters and not stemmed, as the package rouge-score gives them by default; its ROUGE-L is that of a whole text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from aigc_core import Evidence, Measured
from aigc_metrics.text.pairs import Pairs
from aigc_metrics.text.resampling import Rows
from aigc_metrics.text.words import words

Words = Sequence[str]


def f_measure(shared: int, made: int, reference: int) -> float:
    """Return the harmonic mean of precision ``shared / made`` and recall ``shared / reference``; 0 of nothing."""
    return 2 * shared / (made + reference) if shared else 0.0


def rouge_n(made: Words, reference: Words, n: int) -> float:
    """Return the F-measure of n-grams, each counted as often as it is in both: Lin 2004, section 2."""
    one, other = (Counter(zip(*(each[start:] for start in range(n)), strict=False)) for each in (made, reference))
    return f_measure((one & other).total(), one.total(), other.total())


def rouge_l(made: Words, reference: Words) -> float:
    """Return the F-measure of the longest common subsequence: Lin 2004, section 3.1."""
    return f_measure(longest_common_subsequence(made, reference), len(made), len(reference))


def longest_common_subsequence(one: Words, other: Words) -> int:
    """Return how many words are in both in the same order.

    A row of the table at once, as the bits of one number, 0 where the length grows: Hyyrö 2004 (Bit-parallel
    LCS-length computation revisited).
    """
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    whole = (1 << len(one)) - 1
    row = whole
    for word in other:
        matches = row & places.get(word, 0)
        row = ((row + matches) | (row - matches)) & whole
    return len(one) - row.bit_count()


def rouge(evidence: Evidence, options: None) -> Iterator[Measured]:
    """Yield ROUGE-1, -2 and -L of what a model made of texts, means over texts, in [0, 1]."""
    pairs = Pairs.of(evidence)
    kinds: dict[str, Callable[[Words, Words], float]] = {
        "ROUGE-1": lambda made, reference: rouge_n(made, reference, 1),
        "ROUGE-2": lambda made, reference: rouge_n(made, reference, 2),
        "ROUGE-L": rouge_l,
    }
    for name, kind in kinds.items():

        def counted(
            made: Sequence[str], references: Sequence[str], kind: Callable[[Words, Words], float] = kind
        ) -> Rows:
            return np.array([[kind(words(a), words(b)), 1] for a, b in zip(made, references, strict=True)])

        yield pairs.measured(evidence, name, counted, lambda sums: float(sums[0] / sums[1]))
