"""Distances between many vectors and many others, a block at a time: 10,000 × 60,000 of them fit into 250 MB."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Vectors = NDArray[np.float32]

#: Distances that are in memory at once.
BLOCK = 16_000_000


def squared_distances(one: Vectors, other: Vectors) -> Iterator[tuple[slice, Tensor]]:
    """Yield squared Euclidean distances, float32 ``(rows, M)``, for some rows of `one` at a time.

    By ``|x|² + |y|² - 2 x·y``, after both were shifted to where `other` has its mean, so that little is lost to
    rounding.
    """
    centre = other.mean(axis=0, dtype=np.float64).astype(np.float32)
    x, y = torch.from_numpy(one - centre), torch.from_numpy(other - centre)
    lengths = y.square().sum(dim=1)
    rows = max(1, BLOCK // len(other))
    for start in range(0, len(one), rows):
        part = x[start : start + rows]
        distances = torch.addmm(lengths, part, y.T, alpha=-2) + part.square().sum(dim=1, keepdim=True)
        yield slice(start, start + len(part)), distances.clamp_min_(0)


def nearest(one: Vectors, other: Vectors) -> NDArray[np.float64]:
    """Return the distance of each of `one` to its nearest neighbour among `other`, ``(N,)``."""
    return np.concatenate([block.amin(dim=1).sqrt().numpy() for _, block in squared_distances(one, other)]).astype(
        np.float64
    )


def squared_radii(vectors: Vectors, ks: tuple[int, ...]) -> list[Tensor]:
    """Return for each k the squared distances of vectors to their k-th nearest among the others, ``(N,)``."""
    most = max(ks)
    found = []
    for rows, block in squared_distances(vectors, vectors):
        block[torch.arange(block.shape[0]), torch.arange(rows.start, rows.stop)] = torch.inf  # nobody neighbours itself
        found.append(block.topk(most, dim=1, largest=False).values)  # sorted, nearest first
    together = torch.cat(found)
    return [together[:, k - 1] for k in ks]
