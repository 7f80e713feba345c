"""Transposed convolutions, written as the matrix products and convolutions that processors are faster at.

They are the same functions, but for rounding. The kernels for transposed convolutions are slow where there are few
pixels to go through, or few channels to write: the first and the last layer of a DCGAN at 64×64, which do a
twenty-fifth of its arithmetic, took a quarter of its time in bfloat16.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: Up to so many channels a sub-pixel convolution is faster, though it does nine quarters of the arithmetic.
FEW = 4


def faster(layer: nn.ConvTranspose2d) -> nn.Module:
    """Return a module that does the same in less time, or `layer` itself."""
    if layer.groups != 1 or layer.dilation != (1, 1) or layer.output_padding != (0, 0):
        return layer
    if layer.padding == (0, 0):
        return FromOnePixel(layer)
    doubles = (layer.kernel_size, layer.stride, layer.padding) == ((4, 4), (2, 2), (1, 1))
    return subpixel(layer) if doubles and layer.out_channels <= FEW else layer


class FromOnePixel(nn.Module):
    """A transposed convolution without padding; of one pixel, it is a linear map to all that its kernel covers."""

    def __init__(self, layer: nn.ConvTranspose2d) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2:] != (1, 1):
            made: Tensor = self.layer(x)
            return made
        weight, bias = self.layer.weight.permute(0, 2, 3, 1), self.layer.bias  # (in, h, w, out), as channels last lie
        pixel, matrix = x.flatten(1), weight.flatten(1)  # (B, in), (in, h w out)
        repeats = matrix.shape[1] // weight.shape[3]  # h w
        made = pixel @ matrix if bias is None else torch.addmm(bias.repeat(repeats), pixel, matrix)
        return made.unflatten(1, weight.shape[1:]).permute(0, 3, 1, 2)  # (B, out, h, w)


def subpixel(layer: nn.ConvTranspose2d) -> nn.Sequential:
    """Return the convolution and pixel shuffle that are the same as `layer`, which has a 4×4 kernel and doubles sides.

    Output row ``2 i + a`` is a sum of input rows ``i - 1 .. i + 1`` times kernel rows: row ``i + down`` times kernel
    row ``a + 1 - 2 down``, where there is one. Columns alike. Shi et al. 2016 (Is the deconvolution layer the same as
    a convolutional layer?, arXiv 1609.07009).
    """
    kernel = layer.weight  # (in, out, 4, 4)
    weight = kernel.new_zeros(layer.out_channels, 2, 2, layer.in_channels, 3, 3)
    taps = [(a, down, a + 1 - 2 * down) for a in (0, 1) for down in (-1, 0, 1) if 0 <= a + 1 - 2 * down < 4]
    for a, down, row in taps:
        for b, right, column in taps:
            weight[:, a, b, :, 1 + down, 1 + right] = kernel[:, :, row, column].T
    convolution = nn.Conv2d(layer.in_channels, 4 * layer.out_channels, 3, padding=1, bias=layer.bias is not None)
    convolution.weight = nn.Parameter(weight.flatten(0, 2), requires_grad=False)
    if layer.bias is not None:
        convolution.bias = nn.Parameter(layer.bias.repeat_interleave(4), requires_grad=False)
    return nn.Sequential(convolution, nn.PixelShuffle(2))
