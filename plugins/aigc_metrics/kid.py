"""``kid``: the maximum mean discrepancy of two clouds of vectors under a cubic kernel.

Gretton et al. 2012 (A kernel two-sample test), eq. 3; Bińkowski et al. 2018 (Demystifying MMD GANs), section 4, where
the vectors are Inception's and it is called KID. Unbiased, so it may be below zero where nothing can be told apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aigc_core import Evidence, Interval, Measured, Noise, UsageError
from aigc_metrics.options import KidOptions

Vectors = NDArray[np.float32]
Z95 = 1.959964


def kernel(x: Vectors, y: Vectors) -> Vectors:
    """Return ``(x·y / D + 1)³``, ``(N, M)``: Bińkowski et al. 2018, section 4."""
    return (x @ y.T / np.float32(x.shape[1]) + 1) ** 3


def mmd_unbiased(x: Vectors, y: Vectors) -> float:
    """Return the unbiased estimate of MMD²: Gretton et al. 2012, eq. 3."""
    n, m = len(x), len(y)
    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    within_x = (xx.sum(dtype=np.float64) - np.trace(xx, dtype=np.float64)) / (n * (n - 1))
    within_y = (yy.sum(dtype=np.float64) - np.trace(yy, dtype=np.float64)) / (m * (m - 1))
    return float(within_x + within_y - 2 * xy.mean(dtype=np.float64))


def kid_subsets(x: Vectors, y: Vectors, subsets: int, size: int, noise: Noise) -> NDArray[np.float64]:
    """Return MMD² on `subsets` pairs of subsets of `size`, each drawn without replacement."""
    pick = lambda vectors: vectors[np.argsort(noise.uniform(len(vectors)), kind="stable")[:size]]  # noqa: E731
    return np.array([mmd_unbiased(pick(x), pick(y)) for _ in range(subsets)])


def kid(evidence: Evidence, options: KidOptions) -> Iterator[Measured]:
    """Yield KID, lower is better: the mean over subsets, as Bińkowski et al. 2018 report it.

    The interval: subsets of b out of n spread more than the whole would, by about ``√((n - b) / b)``, which is the
    delete-d jackknife of Shao & Wu 1989 (A general theory for jackknife variance estimation), eq. 2.2. n is that of
    the smaller side.
    """
    made, real = evidence.features("generated"), evidence.features("reference")
    n = min(len(made), len(real))
    size = min(options.size, n // 2)
    if size < 2:
        raise UsageError("KID needs at least four items on each side")
    found = kid_subsets(made, real, options.subsets, size, evidence.noise(f"kid/{evidence.space}"))
    value = float(found.mean())
    reach = Z95 * float(found.std(ddof=1)) * math.sqrt(size / (n - size))
    floor = None
    if evidence.has("floor"):
        other = evidence.features("floor")
        size_there = min(size, len(other) // 2)
        noise = evidence.noise(f"kid/floor/{evidence.space}")
        floor = float(kid_subsets(other, real, options.subsets, size_there, noise).mean()) if size_there > 1 else None
    yield Measured(
        "KID",
        value,
        n=len(made),
        interval=Interval(value - reach, value + reach, f"delete-{n - size} jackknife, {options.subsets} subsets"),
        better="lower",
        floor=floor,
        details={"subset": size},
    )
