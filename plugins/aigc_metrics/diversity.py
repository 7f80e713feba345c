"""``diversity``: how far apart two things are that the model makes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aigc_core import Evidence, Measured, UsageError, bootstrap_mean


def pair_distances(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the Euclidean distances of disjoint pairs, ``(N // 2,)``: independent, so that their mean is as sure as
    their number says."""
    half = len(vectors) // 2
    apart = vectors[:half].astype(np.float64) - vectors[half : 2 * half]
    return np.sqrt(np.square(apart).sum(axis=1))


def diversity(evidence: Evidence, options: None) -> Iterator[Measured]:
    """Yield the mean distance of pairs. It should be that of real things; one far below says that modes are missing."""
    distances = pair_distances(evidence.features("generated"))
    if not len(distances):
        raise UsageError("a pair needs two items")
    real = pair_distances(evidence.features("floor")) if evidence.has("floor") else np.empty(0)
    yield Measured(
        "pairwise distance",
        float(distances.mean()),
        n=2 * len(distances),
        interval=bootstrap_mean(distances, evidence.noise(f"diversity/{evidence.space}"), evidence.resamples),
        floor=float(real.mean()) if len(real) else None,
    )
