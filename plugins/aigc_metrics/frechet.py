"""``frechet``: the distance between two clouds of vectors as if each were a Gaussian.

Fréchet 1957; Dowson & Landau 1982 (The Fréchet distance between multivariate normal distributions), eq. 4; Heusel et
al. 2017 (GANs trained by a two time-scale update rule), eq. 6, where the vectors are Inception's and it is called FID.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aigc_core import Evidence, Measured, UsageError, bootstrap_normal, draw_counts

Matrix = NDArray[np.float64]

#: A resample takes two decompositions of a D×D matrix; from this D on there are few of them.
WIDE = 512
FEW = 20


class Gaussian(NamedTuple):
    """A mean ``(D,)`` and a covariance ``(D, D)``."""

    mean: Matrix
    covariance: Matrix


def fit(vectors: Matrix, counts: Matrix | None = None) -> Gaussian:
    """Return mean and unbiased covariance of vectors ``(N, D)``, each counted so many times (default: once)."""
    n = len(vectors)
    if counts is None:
        mean = vectors.mean(axis=0)
        apart = vectors - mean
        return Gaussian(mean, apart.T @ apart / (n - 1))
    mean = counts @ vectors / n
    apart = (vectors - mean) * np.sqrt(counts)[:, None]
    return Gaussian(mean, apart.T @ apart / (n - 1))


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """Return ``|μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½)``.

    The trace of the root is the sum of the roots of the eigenvalues of ``Σ₁ Σ₂``, which are those of the symmetric
    ``S' Σ₂ S`` with ``Σ₁ = S S'``: no root of a matrix is taken, and nothing breaks where there are fewer vectors than
    dimensions. What rounding makes negative is zero.
    """
    values, axes = np.linalg.eigh(one.covariance)
    root = axes * np.sqrt(np.maximum(values, 0))  # S
    shared = np.linalg.eigvalsh(root.T @ other.covariance @ root)
    trace = np.trace(one.covariance) + np.trace(other.covariance) - 2 * np.sqrt(np.maximum(shared, 0)).sum()
    return max(0.0, float(np.square(one.mean - other.mean).sum() + trace))


def frechet(evidence: Evidence, options: None) -> Iterator[Measured]:
    """Yield FD, lower is better. It is biased upwards by about ``1/n``: compare only what has the same n."""
    made = evidence.features("generated").astype(np.float64)
    real = evidence.features("reference").astype(np.float64)
    if min(len(made), len(real)) < 2:
        raise UsageError("a covariance needs at least two items on each side")
    there = fit(real)
    value = frechet_distance(fit(made), there)
    noise = evidence.noise(f"frechet/{evidence.space}")

    def again() -> float:
        return frechet_distance(fit(made, draw_counts(len(made), noise)), fit(real, draw_counts(len(real), noise)))

    resamples = evidence.resamples if made.shape[1] <= WIDE else min(FEW, evidence.resamples)
    floor = fit(evidence.features("floor").astype(np.float64)) if evidence.has("floor") else None
    yield Measured(
        "FD",
        value,
        n=len(made),
        interval=bootstrap_normal(value, again, resamples, at_least=0.0),
        better="lower",
        floor=frechet_distance(floor, there) if floor else None,
        details={"dimensions": made.shape[1]},
    )
