"""How sure numbers are that are worked out of sums over texts: perplexity, BLEU, ROUGE, shares."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aigc_core import Evidence, Interval, Noise, draw_counts

Rows = NDArray[np.float64]
Places = NDArray[np.int64]
Score = Callable[[Rows], float]
Z95 = 1.959964


def scores_of_resamples(evidence: Evidence, name: str, score: Score, *rows: Rows) -> list[Rows]:
    """Return a number on each resample of texts, ``(R,)``, for each of `rows`; all on the same resamples, so that
    differences are paired: Koehn 2004 (Statistical significance tests for machine translation evaluation).

    Args:
        name: of the stream of random numbers.
        score: from sums over texts, ``(K,)``, to the number.
        rows: what is summed of each text, ``(N, K)``.
    """
    noise = evidence.noise(name)
    drawn = [draw_counts(len(rows[0]), noise) for _ in range(evidence.resamples)]
    return [np.array([score(counts @ each) for counts in drawn]) for each in rows]


def percentiles(scores: Rows) -> Interval:
    """Return the percentile interval of numbers on resamples: Efron 1981, section 3."""
    low, high = np.quantile(scores, (0.025, 0.975))
    return Interval(float(low), float(high), f"percentile bootstrap, {len(scores)} resamples")


def jackknife(value: float, again: Callable[[Places], float], n: int, noise: Noise, count: int) -> Interval:
    """Return the interval of a share that depends on how many texts it is of: resampling, which takes some twice,
    would make them look less varied than they are.

    The delete-d jackknife with d a tenth of the texts: Shao & Wu 1989 (A general theory for jackknife variance
    estimation), eq. 2.2.

    Args:
        value: the share on all texts.
        again: works it out on the texts at some places.
        n: number of texts, at least two.
        count: how often some are left out.
    """
    left_out = max(1, n // 10)
    kept = (np.sort(np.argsort(noise.uniform(n), kind="stable")[left_out:]) for _ in range(count))
    spread = float(np.std([again(places) for places in kept], ddof=1))
    reach = Z95 * spread * math.sqrt((n - left_out) / left_out)
    return Interval(max(0.0, value - reach), min(1.0, value + reach), f"delete-{left_out} jackknife, {count} times")


def wilson(count: int, n: int) -> Interval:
    """Return the score interval of a share `count` / `n`: Wilson 1927. It is one even where nothing was found."""
    share, square = count / n, Z95**2
    centre = (share + square / (2 * n)) / (1 + square / n)
    reach = Z95 / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n**2))
    return Interval(max(0.0, centre - reach), min(1.0, centre + reach), "Wilson score interval")
