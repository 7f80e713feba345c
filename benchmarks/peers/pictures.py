"""What the scripts get from torchvision: pictures one by one as PIL images, and ToTensor.

torchvision is not needed to run the benchmarks. Written again from its documentation: a dataset makes a PIL image of
each item when it is asked for it (``datasets.MNIST``), ``ToTensor`` turns that into float32 ``(C, H, W)`` in [0, 1],
and ``Normalize`` subtracts a mean and divides by a deviation. Left out: reading and decoding files, which
``ImageFolder`` does at each access, and resizing, which is not needed; both would make the peers slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


def to_tensor(picture: Image.Image) -> Tensor:
    """Turn a picture of mode ``L`` or ``RGB`` into float32 ``(C, H, W)`` in [0, 1], as ``transforms.ToTensor`` does."""
    pixels = torch.from_numpy(np.array(picture, np.uint8, copy=True))
    pixels = pixels.view(picture.size[1], picture.size[0], len(picture.getbands()))
    return pixels.permute(2, 0, 1).contiguous().to(torch.float32).div(255)


def to_signed(picture: Image.Image) -> Tensor:
    """Turn a picture into float32 ``(C, H, W)`` in [-1, 1]: ``ToTensor`` and ``Normalize`` with 0.5 and 0.5."""
    return to_tensor(picture).sub_(0.5).div_(0.5)


class PilPictures(Dataset[tuple[Tensor, int]]):
    """Pictures that become PIL images when they are asked for.

    Args:
        pixels: uint8 ``(N, C, H, W)``.
        transform: what makes a tensor of an image.
    """

    def __init__(self, pixels: Any, transform: Callable[[Image.Image], Tensor] = to_tensor) -> None:
        channels_last = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        self.pixels = channels_last[..., 0] if channels_last.shape[3] == 1 else channels_last
        self.transform = transform

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), 0


def batches(pixels: Any, size: int, transform: Callable[[Image.Image], Tensor] = to_tensor) -> Iterator[Tensor]:
    """Yield shuffled batches ``(B, C, H, W)``, epoch after epoch, without end.

    ``num_workers=0``: the CPU time of worker processes would not be counted, and all sides have one thread.
    """
    loader = DataLoader(PilPictures(pixels, transform), batch_size=size, shuffle=True, num_workers=0)
    for _ in count():
        for data, _label in loader:
            yield data
