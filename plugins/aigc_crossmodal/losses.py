"""What draws a picture and its caption to one point, and keeps all pictures from being drawn to the same.

Each takes points of pictures and of their captions, ``(B, D)`` each, on the unit sphere, row by row a pair.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, relu

#: Weights of invariance, variance and covariance: Bardes et al. 2022, section 4.2.
INVARIANCE, VARIANCE, COVARIANCE = 25.0, 25.0, 1.0
#: Below the root, so that its slope is finite where nothing varies: Bardes et al. 2022, eq. 1.
EPSILON = 1e-4


def mse(pictures: Tensor, texts: Tensor) -> Tensor:
    """Return the mean squared distance of a picture from its caption: ``2 - 2 cos``.

    Alone it has a perfect score where everything lies on one point.
    """
    return (pictures - texts).square().sum(dim=1).mean()


def same(tokens: Tensor, numbers: Tensor | None) -> Tensor:
    """Return which pictures and captions belong together, ``(B, B)``: equal captions, or one picture.

    Args:
        tokens: of the captions, ``(B, T)``.
        numbers: of the pictures, ``(B,)``: those of one number are the same; None: all are others.
    """
    together = (tokens[:, None] == tokens[None]).all(dim=2)
    return together if numbers is None else together | (numbers[:, None] == numbers[None])


def info_nce(pictures: Tensor, texts: Tensor, scale: Tensor, together: Tensor) -> Tensor:
    """Return how surprised each side is by its partner among all of the batch, mean of both directions, in nats.

    Radford et al. 2021 (CLIP, arXiv 2103.00020), figure 3. Where several belong together, each is as good as the other
    (Khosla et al. 2020, Supervised contrastive learning, eq. 2).

    Args:
        scale: that similarities are multiplied by, one over the temperature.
        together: of ``same``.
    """
    wanted = together / together.sum(dim=1, keepdim=True)  # symmetric, so the same for both directions
    logits = scale * pictures @ texts.T  # (B, B)
    each = log_softmax(logits, dim=1) + log_softmax(logits.T, dim=1)
    return -(wanted * each).sum(dim=1).mean() / 2


def vicreg(pictures: Tensor, texts: Tensor) -> Tensor:
    """Return variance-invariance-covariance regularisation: Bardes et al. 2022 (arXiv 2105.04906), eq. 6.

    On the unit sphere of D dimensions the coordinates of points spread evenly vary by ``1 / √D``, so that all is scaled
    by ``√D`` before.
    """
    size = pictures.shape[1]
    pictures, texts = pictures * size**0.5, texts * size**0.5
    total = INVARIANCE * (pictures - texts).square().mean()
    for points in (pictures, texts):
        centred = points - points.mean(dim=0)
        total = total + VARIANCE * relu(1 - (centred.var(dim=0) + EPSILON).sqrt()).mean()
        covariance = centred.T @ centred / (len(points) - 1)  # (D, D)
        apart = covariance.square().sum() - covariance.diagonal().square().sum()
        total = total + COVARIANCE * apart / size
    return total


def spread(points: Tensor) -> Tensor:
    """Return how far points ``(B, D)`` are spread: 0 where all are one, 1 where they are spread evenly.

    The root of the summed variance of the coordinates.
    """
    return points.var(dim=0, correction=0).sum().sqrt()


def scale_of(log_scale: Tensor) -> Tensor:
    """Return what similarities are multiplied by: at most 100, as Radford et al. 2021, section 2.5."""
    return torch.exp(log_scale).clamp(max=100.0)
