"""``memorisation``: whether what was made lies nearer to the training examples than real things do that the model
never saw. Nearest neighbours: Kynkäänniemi et al. 2019 and Meehan et al. 2020 (A three-sample test to detect data
copying), section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aigc_core import Evidence, Measured, Noise, bootstrap_normal
from aigc_metrics.neighbours import nearest

Numbers = NDArray[np.float64]


class RankTest(NamedTuple):
    """A one-sided Mann–Whitney test.

    Attributes:
        share: how often one of the first is smaller than one of the second; ties count half. 0.5: they are alike.
        z: standard deviations that `share` is above 0.5.
        p: how likely so large a z is where both are alike.
    """

    share: float
    z: float
    p: float


def mann_whitney(first: Numbers, second: Numbers) -> RankTest:
    """Test whether `first` tends to be smaller than `second`.

    Mann & Whitney 1947; the normal approximation with the correction for ties of Hollander, Wolfe & Chicken 2014
    (Nonparametric statistical methods), section 4.1, eq. 4.9 and 4.13.
    """
    n, m = len(first), len(second)
    share = smaller_share(first, np.sort(second))
    _, ties = np.unique(np.concatenate([first, second]), return_counts=True)
    tied = float((ties.astype(np.float64) ** 3 - ties).sum())
    variance = n * m / 12 * (n + m + 1 - tied / ((n + m) * (n + m - 1)))
    z = (share - 0.5) * n * m / math.sqrt(variance) if variance > 0 else 0.0
    return RankTest(share, z, 0.5 * math.erfc(z / math.sqrt(2)))


def smaller_share(first: Numbers, second: Numbers) -> float:
    """Return ``P(a < b) + P(a = b) / 2`` for a of `first` and b of `second`, which is sorted."""
    above = len(second) - np.searchsorted(second, first, side="right")
    not_below = len(second) - np.searchsorted(second, first, side="left")
    return float((above + not_below).mean() / (2 * len(second)))


def memorisation(evidence: Evidence, options: None) -> Iterator[Measured]:
    """Yield how often something made is nearer to its nearest training example than something real is.

    0.5 where the two cannot be told apart, 1 for copies, less than 0.5 for what is further from the training examples
    than real things are. ``details`` has the one-sided p of "not nearer".
    """
    training = evidence.features("training")
    made, real = nearest(evidence.features("generated"), training), nearest(evidence.features("reference"), training)
    test = mann_whitney(made, real)
    noise = evidence.noise(f"memorisation/{evidence.space}")

    def again() -> float:
        return smaller_share(_resampled(made, noise), np.sort(_resampled(real, noise)))

    yield Measured(
        "memorisation",
        test.share,
        n=len(made),
        interval=bootstrap_normal(test.share, again, evidence.resamples),
        details={
            "z": round(test.z, 3),
            "p": test.p,
            "median distance": float(np.median(made)),
            "median distance of real": float(np.median(real)),
        },
    )


def _resampled(values: Numbers, noise: Noise) -> Numbers:
    return values[np.minimum((noise.uniform(len(values)) * len(values)).astype(np.int64), len(values) - 1)]
