"""Deeper convolutional networks, for pictures of 32×32 and more: down to about 4×4 and up again, side by side halved.

After DCGAN (Radford et al. 2016), but for where processors spend their time: a generator never holds many channels at
full size. Its last convolution makes, at half size, four values for each channel, which are the four pixels there
(Shi et al. 2016, Efficient sub-pixel convolution, section 3.2).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from aigc_core import UsageError

Shape = tuple[int, ...]

#: Sides of the coarsest feature maps are at least so long.
COARSEST = 4
#: Channels double from size to size, up to so many times the width.
WIDEST = 8
#: Share of a new batch in the running statistics. Batches are small and weights are averaged over many of them, so the
#: statistics that go with the averaged weights must be means over as many.
MOMENTUM = 0.01


def halvings(shape: Shape, depth: int | None = None) -> int:
    """Return how often the sides of pictures `shape` are halved: `depth` times, or down to about 4×4.

    Raises:
        UsageError: the sides cannot be halved so often.
    """
    _, height, width = shape
    most = 0
    while not (height >> most) % 2 and not (width >> most) % 2 and min(height, width) >> most >= 2 * COARSEST:
        most += 1
    if depth is None and most >= 2:
        return most
    if depth is not None and depth <= most:
        return depth
    raise UsageError(
        f"deep networks cannot halve sides of {height}×{width} {depth or 2} times, down to {COARSEST} or more",
        hint="use pictures of sides like 32, 48, 64 or 128, a smaller depth, or architecture = 'conv' or 'mlp'",
    )


def channels(width: int, halved: int) -> int:
    """Return the channels of feature maps `halved` times: `width` at half size, then doubling, to 8 times as many."""
    return width * min(2 ** (halved - 1), WIDEST)


def deep_decoder(inputs: int, shape: Shape, width: int, depth: int | None, refined: int = 0) -> nn.Sequential:
    """Build a network from ``(B, inputs)`` to logits of pictures, ``(B, C, H, W)``.

    Args:
        refined: so many of the finest feature maps get a residual convolution each.
    """
    times = halvings(shape, depth)
    height, broad = shape[1] >> times, shape[2] >> times
    wide = [min(2 * channels(width, halved), WIDEST * width) for halved in range(times, 0, -1)]
    layers: list[nn.Module] = [
        *(nn.Linear(inputs, wide[0] * height * broad), nn.Unflatten(1, (wide[0], height, broad))),
        *_normed(wide[0]),  # (B, 8 width, H/2^times, W/2^times)
    ]
    for halved, (before, after) in zip(range(times - 1, 0, -1), pairwise(wide), strict=True):
        layers += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False), *_normed(after)]
        if halved <= refined:
            layers.append(Refinement(after))
    # (B, 2 width, H/2, W/2) to (B, 4 C, H/2, W/2) to (B, C, H, W)
    return nn.Sequential(*layers, _subpixel(wide[-1], shape[0]), nn.PixelShuffle(2))


class Refinement(nn.Module):
    """``x + BN(conv(x))``, then ReLU; at first ``x`` itself (He et al. 2016; Goyal et al. 2017, section 5.1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels, momentum=MOMENTUM)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.norm(self.convolution(x))).relu()  # (B, channels, h, w)


def _subpixel(inputs: int, outputs: int) -> nn.Conv2d:
    """Make the convolution before a pixel shuffle; at first its four pixels are the same: no chequered patterns.

    Aitken et al. 2017 (Checkerboard artifact free sub-pixel convolution), section 3.3.
    """
    layer = nn.Conv2d(inputs, 4 * outputs, 3, padding=1)
    with torch.no_grad():
        for parameter in (layer.weight, layer.bias):
            parameter.copy_(parameter[::4].repeat_interleave(4, dim=0))
    return layer


def _normed(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(channels, momentum=MOMENTUM), nn.ReLU()


def deep_features(shape: Shape, width: int, hidden: int, depth: int | None, *, normed: bool = False) -> nn.Sequential:
    """Build a network from pictures ``(B, C, H, W)`` to features ``(B, hidden)``.

    Args:
        normed: put batch normalisation after each convolution but the first, as an encoder wants it. A discriminator
            must judge each picture by itself.
    """
    times = halvings(shape, depth)
    layers: list[nn.Module] = [nn.Conv2d(shape[0], width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
    for halved in range(2, times + 1):
        layers.append(nn.Conv2d(channels(width, halved - 1), channels(width, halved), 4, stride=2, padding=1))
        layers += [*_norm(channels(width, halved), normed), nn.LeakyReLU(0.2)]
    wide = channels(width, times)
    layers += [nn.Conv2d(wide, wide, 3, padding=1), *_norm(wide, normed), nn.LeakyReLU(0.2)]
    coarse = wide * (shape[1] >> times) * (shape[2] >> times)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(coarse, hidden), nn.LeakyReLU(0.2))


def _norm(channels: int, normed: bool) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels, momentum=MOMENTUM)] if normed else []
