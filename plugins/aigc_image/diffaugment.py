"""Differentiable augmentation of what a discriminator sees (Zhao et al. 2020, arXiv 2006.10738).

Real and generated pictures are both changed at random, and gradients flow back through the change to the generator. So
the discriminator cannot learn few pictures by heart, and the generator does not learn the changes. Function by function
the augmentations of the authors' code, but for the source of randomness: `draws` are the caller's, so that a seed gives
the same ones again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

#: Numbers drawn for each picture: one for each of three colours, two for a shift, two for the place of a hole.
DRAWS = 7
#: Shifts go up to this share of a side, and holes are squares of that share.
SHIFT, HOLE = 1 / 8, 1 / 2


def diffaugment(pictures: Tensor, draws: Tensor, policy: str) -> Tensor:
    """Change pictures ``(B, C, H, W)`` as `policy` says: ``"colour,translation,cutout"`` or some of them.

    Args:
        draws: uniform in [0, 1), ``(B, 7)``.
    """
    for name in filter(None, policy.split(",")):
        pictures = AUGMENTATIONS[name](pictures, draws)
    return pictures


def colour(pictures: Tensor, draws: Tensor) -> Tensor:
    """Shift brightness by up to 0.25, scale saturation by 0 to 2 and contrast by 0.5 to 1.5."""
    brightness, saturation, contrast = draws[:, :3].view(-1, 3, 1, 1, 1).unbind(dim=1)  # (B, 1, 1, 1) each
    # The authors' pictures are in [-1, 1]; half of their shift of 0.5 is the same in [0, 1].
    pictures = pictures + 0.5 * (brightness - 0.5)
    grey = pictures.mean(dim=1, keepdim=True)
    pictures = grey + (pictures - grey) * (2 * saturation)
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (pictures - mean) * (contrast + 0.5)


def translation(pictures: Tensor, draws: Tensor) -> Tensor:
    """Shift each picture by up to an eighth of its sides; what comes in is grey, as zero is in [-1, 1]."""
    count, _, height, width = pictures.shape
    reach = [round(side * SHIFT) for side in (height, width)]
    down, right = ((draw * (2 * far + 1)).long() - far for draw, far in zip(draws[:, 3:5].T, reach, strict=True))
    rows = torch.arange(height, device=pictures.device) - down[:, None]  # (B, H), where each row comes from
    columns = torch.arange(width, device=pictures.device) - right[:, None]  # (B, W)
    there = _within(rows, height)[:, :, None] & _within(columns, width)[:, None, :]  # (B, H, W)
    picture = torch.arange(count, device=pictures.device)[:, None, None]
    rows, columns = rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None, :]
    # (B, H, W, C): read with channels last, as the convolutions want them.
    moved = pictures.permute(0, 2, 3, 1)[picture, rows, columns].permute(0, 3, 1, 2)
    return torch.where(there[:, None], moved, torch.full((), 0.5, dtype=moved.dtype, device=moved.device))


def _within(places: Tensor, side: int) -> Tensor:
    return (places >= 0) & (places < side)


def cutout(pictures: Tensor, draws: Tensor) -> Tensor:
    """Cut a hole of half the sides into each picture, around any point of it: DeVries & Taylor 2017."""
    _, _, height, width = pictures.shape
    covered = []
    for draw, side in zip(draws[:, 5:7].T, (height, width), strict=True):
        size = round(side * HOLE)
        first = (draw * (side + 1 - size % 2)).long() - size // 2  # (B,)
        places = torch.arange(side, device=pictures.device) - first[:, None]  # (B, side)
        covered.append(_within(places, size))
    hole = covered[0][:, :, None] & covered[1][:, None, :]  # (B, H, W)
    return torch.where(hole[:, None], torch.full((), 0.5, dtype=pictures.dtype, device=pictures.device), pictures)


AUGMENTATIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "colour": colour,
    "translation": translation,
    "cutout": cutout,
}
