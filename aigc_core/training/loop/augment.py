"""Augmentation of pictures as they are learnt: mirrored, shifted, in slightly other colours.

What happens to an example depends on the seed, the step and its place in the batch alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from aigc_core.randomness import Noise

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_core.training.options import TrainingOptions

#: Weights of red, green and blue in a grey of the same brightness: ITU-R BT.601, as Pillow's mode ``L``.
LUMA = (0.299, 0.587, 0.114)


def augment(pictures: Tensor, options: TrainingOptions, step: int, rows: slice) -> Tensor:
    """Return pictures augmented as `options` say; what is not asked for costs nothing.

    Args:
        pictures: ``(B, C, H, W)`` in [0, 1].
        options: which augmentations, how strong, and the seed.
        step: steps done so far.
        rows: places of these pictures in the whole batch of the step.
    """

    def places(name: str, count: int) -> Tensor:
        noise = Noise(options.seed, f"train/augment/{name}/{step}")
        return torch.from_numpy(noise.uniform((count, options.batch))[:, rows])

    if options.flip:
        mirrored = places("flip", 1)[0] < 0.5
        pictures = torch.where(mirrored[:, None, None, None], pictures.flip(3), pictures)
    if options.crop:
        pictures = _shifted(pictures, places("crop", 2), options.crop)
    if options.colour:
        pictures = _recoloured(pictures, places("colour", 3), options.colour)
    return pictures


def _shifted(pictures: Tensor, places: Tensor, most: int) -> Tensor:
    """Shift each picture by ``-most .. most`` pixels each way; edges are repeated outwards."""
    _, _, height, width = pictures.shape
    shifts = (places * (2 * most + 1)).long() - most  # (2, B)
    rows = (torch.arange(height) + shifts[0, :, None]).clamp(0, height - 1)  # (B, H)
    columns = (torch.arange(width) + shifts[1, :, None]).clamp(0, width - 1)  # (B, W)
    each = torch.arange(len(pictures))[:, None, None]
    return pictures.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _recoloured(pictures: Tensor, places: Tensor, most: float) -> Tensor:
    """Vary brightness (added), contrast and saturation (multiplied) by up to `most` each."""
    brightness, contrast, saturation = (2 * places - 1)[..., None, None, None] * most  # (B, 1, 1, 1) each
    pictures = pictures + brightness / 2
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    pictures = mean + (pictures - mean) * (1 + contrast)
    if pictures.shape[1] == 3:
        grey = (pictures * torch.tensor(LUMA)[:, None, None]).sum(dim=1, keepdim=True)
        pictures = grey + (pictures - grey) * (1 + saturation)
    return pictures.clamp(0, 1)
