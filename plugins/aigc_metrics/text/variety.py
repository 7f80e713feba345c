"""``distinct`` and ``repetition``: how much of what was made is said more than once, across texts and within one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from aigc_core import Evidence, Measured, UsageError, bootstrap_mean
from aigc_metrics.text.ngrams import Corpus
from aigc_metrics.text.options import VarietyOptions
from aigc_metrics.text.resampling import jackknife

#: Words in a row that count as said again.
REPEATED = 4


def distinct_share(numbers: NDArray[np.int64]) -> float:
    """Return how many of n-grams differ, as a share of all: Li et al. 2016 (A diversity-promoting objective function
    for neural conversation models)."""
    return len(np.unique(numbers)) / len(numbers)


def distinct(evidence: Evidence, options: VarietyOptions) -> Iterator[Measured]:
    """Yield distinct-1, -2 and -3. They should be those of as many real texts: the more texts, the lower they are."""
    made = Corpus.of(evidence.items("generated")[: options.most])
    if not len(made.tokens):
        raise UsageError("no text that was made has any words")
    real = _as_many(evidence, made.count)
    for n in (1, 2, 3):
        numbers, text = made.ngrams(n)
        if not len(numbers):
            break
        value = distinct_share(numbers)
        again = partial(_of_some, numbers, text)
        noise = evidence.noise(f"distinct-{n}")
        yield Measured(
            f"distinct-{n}",
            value,
            n=made.count,
            interval=jackknife(value, again, made.count, noise, evidence.resamples) if made.count > 1 else None,
            floor=distinct_share(real.ngrams(n)[0]) if real and len(real.ngrams(n)[0]) else None,
            floor_n=made.count,
        )


def _of_some(numbers: NDArray[np.int64], text: NDArray[np.int64], places: NDArray[np.int64]) -> float:
    """Return the share of n-grams that differ in the texts at some places; 1 where they have none."""
    kept = numbers[np.isin(text, places)]
    return distinct_share(kept) if len(kept) else 1.0


def repeated_shares(corpus: Corpus) -> NDArray[np.float64]:
    """Return the share of 4-grams that repeat an earlier one, of each text that has any: Welleck et al. 2020 (Neural
    text generation with unlikelihood training), there called seq-rep-4."""
    numbers, text = corpus.ngrams(REPEATED)
    total = np.bincount(text, minlength=corpus.count)
    different = np.unique(np.stack([text, numbers]), axis=1)[0] if len(text) else text
    unique = np.bincount(different, minlength=corpus.count)
    return 1 - unique[total > 0] / total[total > 0]


def repetition(evidence: Evidence, options: VarietyOptions) -> Iterator[Measured]:
    """Yield the mean share of repeated 4-grams within a text; real texts have next to none."""
    shares = repeated_shares(Corpus.of(evidence.items("generated")[: options.most]))
    if not len(shares):
        raise UsageError(f"no text that was made has {REPEATED} words")
    real = np.empty(0)
    if evidence.has("floor"):
        real = repeated_shares(Corpus.of(evidence.items("floor")[: options.most]))
    yield Measured(
        "repetition",
        float(shares.mean()),
        n=len(shares),
        interval=bootstrap_mean(shares, evidence.noise("repetition"), evidence.resamples),
        better="lower",
        floor=float(real.mean()) if len(real) else None,
        floor_n=len(real) or None,
    )


def _as_many(evidence: Evidence, count: int) -> Corpus | None:
    """Return as many real texts, or None where there are fewer."""
    real = evidence.items("floor")[:count] if evidence.has("floor") else []
    return Corpus.of(real) if len(real) == count else None
