"""How sure a number is: the bootstrap (Efron 1979, Bootstrap methods: another look at the jackknife)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aigc_core.evaluation.contract import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aigc_core.randomness import Noise

#: A normal number lies within so many standard deviations of its mean in 95 cases of 100.
Z95 = 1.959964

#: Numbers drawn at once: a resampling of 10,000 items then needs 80 MB at most.
CHUNK = 1 << 23


def draw_counts(n: int, noise: Noise) -> NDArray[np.float64]:
    """Return how often each of `n` items is in one resample of `n` with replacement: float64 ``(n,)``, sum n."""
    import numpy as np

    drawn = np.minimum((noise.uniform(n) * n).astype(np.int64), n - 1)
    return np.bincount(drawn, minlength=n).astype(np.float64)


def bootstrap_mean(values: NDArray[np.floating], noise: Noise, resamples: int) -> Interval:
    """Return the percentile interval of a mean of independent numbers ``(N,)``: Efron 1981, section 3."""
    import numpy as np

    values = np.asarray(values, np.float64)
    n = len(values)
    at_once = max(1, CHUNK // n)
    means: list[NDArray[np.float64]] = []
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        drawn = np.minimum((noise.uniform((count, n)) * n).astype(np.int64), n - 1)
        means.append(values[drawn].mean(axis=1))
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975))
    return Interval(float(low), float(high), f"percentile bootstrap, {resamples} resamples")


def bootstrap_normal(
    value: float, again: Callable[[], float], resamples: int, *, at_least: float | None = None
) -> Interval:
    """Return ``value ± 1.96 s``, with `s` the standard deviation of the number over resamples.

    For a number that is biased upwards at small n, as distances are, each resample adds to the bias, and percentiles
    would lie beside the number: Efron & Tibshirani 1993 (An introduction to the bootstrap), sections 6.2 and 12.3.

    Args:
        again: works out the number on one resample.
        at_least: what the number can never be below.
    """
    import numpy as np

    spread = float(np.std([again() for _ in range(resamples)], ddof=1))
    low = value - Z95 * spread
    return Interval(
        low if at_least is None else max(at_least, low),
        value + Z95 * spread,
        f"normal bootstrap, {resamples} resamples",
    )
