"""``manifold``: what is made lies where real things lie (precision, density), and wherever they lie (recall, coverage).

A set's manifold is the union of balls around its members that reach to their k-th nearest neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from aigc_core import Evidence, Measured, UsageError, bootstrap_mean
from aigc_metrics.neighbours import Vectors, squared_distances, squared_radii
from aigc_metrics.options import ManifoldOptions

Each = NDArray[np.float64]


class Manifold(NamedTuple):
    """Four numbers for each item; the metric is their mean.

    Attributes:
        precision: 1 for each made item within the real manifold, else 0: Kynkäänniemi et al. 2019, eq. 1.
        recall: 1 for each real item within the manifold of what was made: the same, eq. 2.
        density: in how many real balls each made item lies, over k: Naeem et al. 2020, eq. 3.
        coverage: 1 for each real item whose ball holds something made: the same, eq. 4.
    """

    precision: Each
    recall: Each
    density: Each
    coverage: Each


def manifold_scores(made: Vectors, real: Vectors, k_precision: int, k_density: int) -> Manifold:
    """Return the scores of items ``(N, D)`` and ``(M, D)``."""
    near, far = squared_radii(real, (k_precision, k_density))  # (M,) each
    (around_made,) = squared_radii(made, (k_precision,))  # (N,)
    within_real, balls = [], []
    within_made = torch.zeros(len(real), dtype=torch.bool)
    nearest_made = torch.full((len(real),), torch.inf)
    for rows, block in squared_distances(made, real):  # (rows, M)
        within_real.append((block <= near).any(dim=1))
        balls.append((block <= far).sum(dim=1))
        within_made |= (block <= around_made[rows, None]).any(dim=0)
        nearest_made = torch.minimum(nearest_made, block.amin(dim=0))
    as_numbers = lambda values: values.double().numpy()  # noqa: E731
    return Manifold(
        precision=as_numbers(torch.cat(within_real)),
        recall=as_numbers(within_made),
        density=as_numbers(torch.cat(balls)) / k_density,
        coverage=as_numbers(nearest_made <= far),
    )


def manifold(evidence: Evidence, options: ManifoldOptions) -> Iterator[Measured]:
    """Yield precision, recall, density and coverage, of equally many made and real items; higher is better.

    The larger side gives its first ones only: the sizes decide how far balls reach.
    """
    real = evidence.features("reference")
    scores = _of_equally_many(evidence.features("generated"), real, options)
    if scores is None:
        raise UsageError(f"neighbours need more than {max(options.k_precision, options.k_density)} items on each side")
    floor = _of_equally_many(evidence.features("floor"), real, options) if evidence.has("floor") else None
    for name, values in scores._asdict().items():
        yield Measured(
            name,
            float(values.mean()),
            n=len(values),
            interval=bootstrap_mean(values, evidence.noise(f"{name}/{evidence.space}"), evidence.resamples),
            better="higher",
            floor=float(getattr(floor, name).mean()) if floor else None,
            floor_n=len(getattr(floor, name)) if floor else None,
            details={"k": options.k_precision if name in ("precision", "recall") else options.k_density},
        )


def _of_equally_many(made: Vectors, real: Vectors, options: ManifoldOptions) -> Manifold | None:
    n = min(len(made), len(real))
    if n <= max(options.k_precision, options.k_density):
        return None
    return manifold_scores(made[:n], real[:n], options.k_precision, options.k_density)
