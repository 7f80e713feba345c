"""Picture towers: inverted residuals with linear bottlenecks (Sandler et al. 2018, MobileNetV2, arXiv 1801.04381).

EfficientNet-Lite0 is one of them: the blocks of Tan & Le 2019 (EfficientNet, table 1), without squeeze-and-excitation
and with ReLU6. There is no normalisation: where weights come from elsewhere, theirs is folded into the convolutions,
and what is learnt from nothing begins as an identity (Zhang et al. 2019, Fixup, section 3). So what a tower makes of a
picture depends on that picture alone, while it learns as well as afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize, pad, relu6

#: Sides of pictures are halved five times.
HALVINGS = 32
#: What EfficientNet-Lite takes from a value of 0 to 255, and divides the rest by.
MEAN, SPREAD = 127.0, 128.0


class Stage(NamedTuple):
    """A row of table 2 of Sandler et al. 2018: `repeats` blocks, the first with `stride`."""

    kernel: int
    stride: int
    expansion: int
    channels: int
    repeats: int


class Architecture(NamedTuple):
    """Channels of the first and the last convolution, and the stages between them."""

    stem: int
    stages: tuple[Stage, ...]
    features: int


ARCHITECTURES = {
    "efficientnet-lite0": Architecture(
        32,
        (
            Stage(3, 1, 1, 16, 1),
            Stage(3, 2, 6, 24, 2),
            Stage(5, 2, 6, 40, 2),
            Stage(3, 2, 6, 80, 3),
            Stage(5, 1, 6, 112, 3),
            Stage(5, 2, 6, 192, 4),
            Stage(3, 1, 6, 320, 1),
        ),
        1280,
    ),
    "small": Architecture(
        16,
        (
            Stage(3, 2, 3, 24, 2),
            Stage(3, 2, 3, 48, 2),
            Stage(3, 2, 4, 96, 3),
            Stage(3, 2, 4, 128, 2),
        ),
        384,
    ),
}


class Convolution(nn.Conv2d):
    """A convolution whose output has ``1 / stride`` of the input's sides, which are multiples of it.

    With stride 2 what is missing is padded to the right and below first, as TensorFlow does, where the weights of
    EfficientNet-Lite were learnt; that moves every feature by half a pixel.
    """

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(channels, out, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups)
        before = (kernel - stride) // 2
        self._sides = (before, kernel - stride - before)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(B, out, H / stride, W / stride)``."""
        return super().forward(pad(x, self._sides * 2) if self.stride != (1, 1) else x)


class InvertedResidual(nn.Module):
    """Expand by 1×1, look around in each channel, project back: Sandler et al. 2018, section 3.3 and figure 3b."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.expand = Convolution(channels, wide, 1) if expansion > 1 else None
        self.depthwise = Convolution(wide, wide, kernel, stride, groups=wide)
        self.project = Convolution(wide, out, 1)
        self.skips = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(B, out, H / stride, W / stride)`` of ``(B, channels, H, W)``."""
        wide = relu6(self.expand(x), inplace=True) if self.expand is not None else x
        made: Tensor = self.project(relu6(self.depthwise(wide), inplace=True))
        return x + made if self.skips else made


class PictureTower(nn.Module):
    """Pictures ``(B, C, H, W)`` in [0, 1], of any size, to points ``(B, dimensions)`` on the unit sphere.

    Args:
        architecture: a key of ``ARCHITECTURES``.
        size: side that pictures are brought to, a multiple of 32.
        dimensions: of the space.
        frozen: of the blocks, counted from the first, that stay as they are; all: the last convolution, too.
        dropout: share of the features that are left out while it learns (Srivastava et al. 2014).
    """

    def __init__(self, architecture: str, size: int, dimensions: int, frozen: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        plan = ARCHITECTURES[architecture]
        self.size = size
        self.stem = Convolution(3, plan.stem, 3, stride=2)
        blocks = _blocks(plan.stem, plan.stages)
        self.blocks = nn.Sequential(*blocks)
        self.last = Convolution(plan.stages[-1].channels, plan.features, 1)
        self.head = nn.Linear(plan.features, dimensions)
        self.dropout = nn.Dropout(dropout)
        for layer in self.modules():
            if isinstance(layer, Convolution):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        for block in blocks:
            if block.skips:
                nn.init.zeros_(block.project.weight)
        if frozen:
            for module in (self.stem, *blocks[:frozen], *([self.last] if frozen >= len(blocks) else [])):
                module.requires_grad_(False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, pictures: Tensor) -> Tensor:
        """Return ``(B, features)``: the last channels, each its mean over positions."""
        x = (fitted(pictures, self.size, self.size) * 255 - MEAN) / SPREAD
        x = x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        x = relu6(self.stem(x), inplace=True)
        return relu6(self.last(self.blocks(x)), inplace=True).mean(dim=(2, 3))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return points on the unit sphere."""
        return normalize(self.head(self.dropout(self.features(pictures))).float(), dim=1)


def fitted(pictures: Tensor, height: int, width: int) -> Tensor:
    """Bring pictures to one size, antialiased, within [0, 1].

    Parmar et al. 2022 (On aliased resizing and surprising subtleties in GAN evaluation).
    """
    if pictures.shape[2:] == (height, width):
        return pictures
    return interpolate(pictures, (height, width), mode="bicubic", antialias=True).clamp(0, 1)


def _blocks(channels: int, stages: Sequence[Stage]) -> list[InvertedResidual]:
    blocks = []
    for stage in stages:
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            blocks.append(InvertedResidual(channels, stage.channels, stage.kernel, stride, stage.expansion))
            channels = stage.channels
    return blocks
