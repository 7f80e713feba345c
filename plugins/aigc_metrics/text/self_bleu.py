"""``self-bleu``: how much of a text stands in the others that were made.

Zhu et al. 2018 (Texygen), section 3.2: the BLEU of each text with all others as its references, mean over texts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aigc_core import Evidence, Measured, UsageError, bootstrap_mean
from aigc_metrics.text.ngrams import Corpus
from aigc_metrics.text.options import VarietyOptions

ORDER = 4
#: In the place of no match at all: Chen & Cherry 2014 (A systematic comparison of smoothing techniques for
#: sentence-level BLEU), smoothing 1, with the value of NLTK, as Texygen has it.
EPSILON = 0.1


def self_bleu(corpus: Corpus, order: int = ORDER) -> NDArray[np.float64]:
    """Return BLEU of each text against all others, ``(N,)`` in [0, 1]: Papineni et al. 2002, section 2.3.

    A reference text never has to be looked at twice: of each n-gram it matters how often it is at most in one of the
    others, and that is the highest count of all, or the second highest for the text that has the highest.
    """
    log_precision = np.zeros(corpus.count)
    none = np.zeros(corpus.count, bool)
    for n in range(1, order + 1):
        matched, total = _matched(corpus, n)
        if n == 1:
            none = matched == 0
        precision = np.where(matched > 0, matched, EPSILON) / np.maximum(total, 1)
        log_precision += np.log(precision) / order
    bleu = _brevity(corpus.lengths) * np.exp(log_precision)
    return np.where(none, 0.0, bleu)


def _matched(corpus: Corpus, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many n-grams of each text stand in another one, clipped, and how many it has, ``(N,)`` each."""
    numbers, text = corpus.ngrams(n)
    total = np.bincount(text, minlength=corpus.count)
    if not len(numbers):
        return np.zeros(corpus.count, np.int64), total
    (numbers, text), counts = np.unique(np.stack([numbers, text]), axis=1, return_counts=True)
    order = np.lexsort((-counts, numbers))
    numbers, text, counts = numbers[order], text[order], counts[order]
    first = np.concatenate([[True], numbers[1:] != numbers[:-1]])
    group = np.cumsum(first) - 1
    highest = counts[first][group]
    second = np.zeros(group[-1] + 1, np.int64)
    follows = np.flatnonzero(first[:-1] & ~first[1:])  # a first one that is not the only one
    second[group[follows]] = counts[follows + 1]
    elsewhere = np.where(first, second[group], highest)
    return np.bincount(text, np.minimum(counts, elsewhere), corpus.count).astype(np.int64), total


def _brevity(lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the brevity penalty of each text against the others' length that is closest, the shorter of two."""
    order = np.argsort(lengths, kind="stable")
    sorted_lengths = lengths[order].astype(np.float64)
    below = np.concatenate([[np.inf], sorted_lengths[:-1]])
    above = np.concatenate([sorted_lengths[1:], [np.inf]])
    shorter = np.abs(sorted_lengths - below) <= np.abs(above - sorted_lengths)
    closest = np.where(shorter, below, above)
    penalty = np.ones(len(lengths))
    with np.errstate(divide="ignore", invalid="ignore"):  # of empty texts, which have no matches anyway
        penalty[order] = np.where(sorted_lengths > closest, 1.0, np.exp(1 - closest / sorted_lengths))
    return penalty


def self_bleu_metric(evidence: Evidence, options: VarietyOptions) -> Iterator[Measured]:
    """Yield self-BLEU-4. It should be that of as many real texts: the more texts, the higher it is.

    The interval leaves out that each text is among the others' references, too.
    """
    corpus = Corpus.of(evidence.items("generated")[: options.most])
    if corpus.count < 2:
        raise UsageError("self-BLEU needs two texts")
    scores = self_bleu(corpus)
    real = evidence.items("floor")[: corpus.count] if evidence.has("floor") else []
    yield Measured(
        f"self-BLEU-{ORDER}",
        float(scores.mean()),
        n=corpus.count,
        interval=bootstrap_mean(scores, evidence.noise("self-bleu"), evidence.resamples),
        floor=float(self_bleu(Corpus.of(real)).mean()) if len(real) == corpus.count else None,
        floor_n=corpus.count,
    )
