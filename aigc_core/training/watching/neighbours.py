"""Where samples lie among the pictures that were learnt from: near copies, repeats, what they reach and what not.

Distances are taken between pictures made small by averaging, and are root mean squares over their values: 0 between
equal pictures, 1 between black and white. That is cheap enough to be done while training goes on. It says little of
quality; for that there are metrics on learnt features.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from aigc_core.training.contract import Examples

#: Pictures are made as small as this before they are compared.
SIDE = 16
#: And so small where a person looks at the result, and the nearest one should be the one that looks nearest.
FINE_SIDE = 32
BLOCK = 2048  # pictures that are compared at once: 2048 x 3 x 32 x 32 floats are 25 MB


def small(pictures: Tensor, side: int = SIDE) -> Tensor:
    """Return pictures ``(B, C, H, W)`` as features ``(B, D)``, averaged down to at most `side` x `side`, float32."""
    height, width = pictures.shape[-2:]
    size = (min(side, height), min(side, width))
    pictures = pictures.detach().float()
    return (pictures if size == (height, width) else adaptive_avg_pool2d(pictures, size)).flatten(1)


def small_data(data: Examples, indices: NDArray[np.int64], side: int = SIDE) -> Tensor:
    """Return the features of the examples at `indices`, ``(N, D)``, on the CPU."""
    blocks = (data.batch(indices[start : start + 512]).data for start in range(0, len(indices), 512))
    return torch.cat([small(block, side).cpu() for block in blocks])


def distances(left: Tensor, right: Tensor) -> Tensor:
    """Return the distances ``(A, B)`` of features ``(A, D)`` to ``(B, D)``.

    By a product of matrices, which rounds: what is equal may be told as 0.001 apart.
    """
    squares = left.square().sum(1)[:, None] + right.square().sum(1)[None] - 2 * left @ right.T
    return (squares.clamp_min_(0) / left.shape[1]).sqrt_()


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest pictures of each query, nearest first.

    Attributes:
        indices: int64 ``(Q, K)``, places among the pictures searched.
        distances: float32 ``(Q, K)``.
    """

    indices: Tensor
    distances: Tensor


def nearest(queries: Tensor, pictures: Tensor, count: int = 1) -> Nearest:
    """Find for each of ``(Q, D)`` the `count` nearest of ``(N, D)``, N >= 1; fewer where there are fewer."""
    blocks = ((start, pictures[start : start + BLOCK]) for start in range(0, len(pictures), BLOCK))
    return _nearest(queries, blocks, count)


def nearest_examples(samples: Tensor, data: Examples, count: int = 1) -> Nearest:
    """Find for each of the pictures ``(Q, C, H, W)`` the `count` nearest examples, block by block."""

    def blocks() -> Iterator[tuple[int, Tensor]]:
        for start in range(0, len(data), BLOCK):
            yield start, small_data(data, np.arange(start, min(start + BLOCK, len(data))), FINE_SIDE)

    return _nearest(small(samples.cpu(), FINE_SIDE), blocks(), count)


def _nearest(queries: Tensor, blocks: Iterator[tuple[int, Tensor]], count: int) -> Nearest:
    """Keep the best over the blocks; what is kept is measured once more, exactly."""
    best = torch.empty(len(queries), 0)
    places = torch.empty(len(queries), 0, dtype=torch.int64)
    for start, block in blocks:
        which = distances(queries, block).topk(min(count, len(block)), dim=1, largest=False).indices
        exact = (block[which] - queries[:, None]).square().mean(2).sqrt()  # (Q, k)
        best, places = torch.cat([best, exact], 1), torch.cat([places, which + start], 1)
        order = best.argsort(dim=1, stable=True)[:, :count]
        best, places = best.gather(1, order), places.gather(1, order)
    return Nearest(places, best)


def distinct(features: Tensor) -> Tensor:
    """Return the places of ``(N, D)`` without repetitions, rising; what is equal in eight bits counts as equal."""
    rows = np.ascontiguousarray(features.mul(255).round().clamp(0, 255).to(torch.uint8).numpy())
    _, first = np.unique(rows.view(np.dtype((np.void, rows.shape[1]))).ravel(), return_index=True)
    return torch.from_numpy(np.sort(first))


def diversity(features: Tensor, labels: Tensor | None = None) -> float:
    """Return the mean distance between two of ``(N, D)``; with `labels` ``(N,)``, between two of one label."""
    apart = distances(features, features)
    pairs = ~torch.eye(len(features), dtype=torch.bool)
    if labels is not None:
        pairs &= labels[:, None] == labels[None]
    return float(apart[pairs].mean()) if pairs.any() else math.nan


def nearest_other(features: Tensor) -> Tensor:
    """Return the distance ``(N,)`` of each of ``(N, D)``, N >= 2, to the nearest other one."""
    return distances(features, features).fill_diagonal_(math.inf).min(dim=1).values


def coverage(samples: Tensor, real: Tensor) -> float:
    """Return the share of real pictures ``(N, D)`` that have a sample among ``(M, D)`` in their neighbourhood.

    The neighbourhood of a real picture reaches to its k-th nearest real one: Naeem et al. 2020 (Reliable fidelity
    and diversity metrics for generative models), eq. 4. As they advise, k is chosen so that samples that are as good
    as real ones would reach 0.95: none of M falls among the k nearest with a chance of about ``(N / (N + M)) ** k``.
    """
    count = len(real)
    k = math.ceil(math.log(0.05) / math.log(count / (count + len(samples))))
    apart = distances(real, real).fill_diagonal_(math.inf)
    radius = apart.kthvalue(max(1, min(k, count - 1)), dim=1).values
    return float((distances(real, samples).min(dim=1).values <= radius).float().mean())


class NearCopies:
    """Tells samples that are near copies of training pictures, by what is usual among the training pictures.

    A near copy is nearer to a training picture than 99 in 100 training pictures are to another one, and also that
    much nearer to it than to the next ones. The second half is needed because blurred pictures are near to
    everything (the distance over the mean of the next ones: Carlini et al. 2023, Extracting training data from
    diffusion models, section 4.2).

    Args:
        pictures: features of distinct training pictures ``(N, D)``, N >= 3.
        compared: so many of them, at most, tell what is usual.
    """

    QUANTILE = 0.01
    NEIGHBOURS = 16

    def __init__(self, pictures: Tensor, compared: int = 512) -> None:
        self.pictures = pictures
        # Spread over all of them: data often comes class by class.
        chosen = torch.linspace(0, len(pictures) - 1, min(compared, len(pictures))).long()
        found = nearest(pictures[chosen], pictures, self.NEIGHBOURS + 1)
        usual = found.distances[:, 1:]  # the nearest of a training picture is itself
        self.near = float(usual[:, 0].quantile(self.QUANTILE))
        self.sure = float(_nearness(usual).quantile(self.QUANTILE))

    def share(self, samples: Tensor) -> float:
        """Return the share of samples ``(M, D)`` that are near copies; of pictures as new as real ones, 0.01 are."""
        found = nearest(samples, self.pictures, self.NEIGHBOURS).distances
        return float(((found[:, 0] < self.near) & (_nearness(found) < self.sure)).float().mean())


def _nearness(found: Tensor) -> Tensor:
    """Return for distances ``(Q, K)`` in order the first over the mean of the others, ``(Q,)``, in [0, 1]."""
    return found[:, 0] / found[:, 1:].mean(dim=1).clamp_min(1e-9)
