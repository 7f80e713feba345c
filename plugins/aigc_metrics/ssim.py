"""Structural similarity of pictures: Wang et al. 2004 (Image quality assessment: from error visibility to structural
similarity)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d

#: Section III.C: an 11×11 circular Gaussian of σ = 1.5, and K₁ = 0.01, K₂ = 0.03.
WINDOW, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03


def ssim(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean SSIM of each pair of pictures ``(B, C, H, W)`` in [0, 1], ``(B,)``: eq. 13 and 17.

    Over all places where the window fits, and over channels. Sides are at least 11.
    """
    at = torch.arange(WINDOW, dtype=one.dtype) - WINDOW // 2
    weights = torch.exp(-at.square() / (2 * SIGMA**2))
    weights = weights / weights.sum()
    b, c, h, w = one.shape

    def smooth(values: Tensor) -> Tensor:  # the window is an outer product, so rows and columns are weighed in turn
        flat = conv2d(values.reshape(b * c, 1, h, w), weights.view(1, 1, WINDOW, 1))
        return conv2d(flat, weights.view(1, 1, 1, WINDOW))

    mean_one, mean_other = smooth(one), smooth(other)
    variance_one = smooth(one.square()) - mean_one.square()
    variance_other = smooth(other.square()) - mean_other.square()
    covariance = smooth(one * other) - mean_one * mean_other
    c1, c2 = K1**2, K2**2  # the range of values is 1
    luminance = (2 * mean_one * mean_other + c1) / (mean_one.square() + mean_other.square() + c1)
    structure = (2 * covariance + c2) / (variance_one + variance_other + c2)
    return (luminance * structure).view(b, -1).mean(dim=1)
