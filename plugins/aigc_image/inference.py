"""Networks made ready for generating in bfloat16: less arithmetic and fewer copies for the same function.

Where a model is pinned to float32, nothing is changed: its pictures are those of every version before.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights
from torch.nn.utils.parametrize import is_parametrized

from aigc_image.upsampling import FromOnePixel, faster

NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d)
ACTIVATIONS = (nn.ReLU, nn.LeakyReLU)
LINEAR = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, FromOnePixel)


class Bfloat16(nn.Module):
    """Runs a network in bfloat16; what goes in and comes out is float32, so that nobody else need know.

    Processors with instructions for it (AVX-512 BF16, AMX, SVE) take half the time or less. Convolutions are faster
    still where the channels of a pixel lie together.

    Args:
        network: in evaluation mode; it is changed.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        fold_normalisation(network)
        replace_transposed(network)
        overwrite_activations(network)
        self.network = network.to(torch.bfloat16).to(memory_format=torch.channels_last)

    def forward(self, *inputs: Tensor | None) -> Tensor:
        made: Tensor = self.network(*(self._rounded(value) for value in inputs))
        return made.float()

    @staticmethod
    def _rounded(value: Tensor | None) -> Tensor | None:
        return value.bfloat16() if value is not None and value.is_floating_point() else value


def fold_normalisation(network: nn.Module) -> None:
    """Fold each batch normalisation into the layer before it, where both stand in one ``nn.Sequential``.

    In evaluation a normalisation is ``scale * x + shift`` with constants, and so is part of a linear map: Jacob et
    al. 2018 (Quantization and training of neural networks), section 3.2.
    """
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            for place, layer, normalisation in list(_pairs(module)):
                _fold(layer, normalisation)
                module[place] = nn.Identity()


def replace_transposed(network: nn.Module) -> None:
    """Put what is faster in the place of transposed convolutions in every ``nn.Sequential``."""
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            for place, layer in enumerate(module):
                if isinstance(layer, nn.ConvTranspose2d) and not is_parametrized(layer):
                    module[place] = faster(layer)


def overwrite_activations(network: nn.Module) -> None:
    """Let activations write over what linear layers made, where nobody but them can see it."""
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            layers = [layer for layer in module if not isinstance(layer, nn.Identity | nn.Unflatten)]
            for before, layer in pairwise(layers):
                if isinstance(layer, ACTIVATIONS) and isinstance(before, LINEAR):
                    layer.inplace = True


def _pairs(layers: nn.Sequential) -> Iterator[tuple[int, Any, Any]]:
    """Yield place, layer before and normalisation, for those that can be folded."""
    before: nn.Module | None = None
    for place, layer in enumerate(layers):
        if isinstance(layer, NORMALISATIONS) and _is_constant(layer) and _can_take(before):
            yield place, before, layer
        if not isinstance(layer, nn.Unflatten):  # it moves numbers into rows and columns, and changes none
            before = layer


def _is_constant(normalisation: Any) -> bool:
    return normalisation.running_mean is not None and normalisation.affine


def _can_take(layer: nn.Module | None) -> bool:
    if layer is None or is_parametrized(layer):
        return False
    return isinstance(layer, (nn.Linear, nn.Conv2d)) or (isinstance(layer, nn.ConvTranspose2d) and layer.groups == 1)


def _fold(layer: Any, normalisation: Any) -> None:
    constants = [normalisation.running_mean, normalisation.running_var, normalisation.weight, normalisation.bias]
    if isinstance(layer, nn.Linear):  # each channel is several outputs
        each = layer.out_features // normalisation.num_features
        constants = [values.repeat_interleave(each) for values in constants]
    mean, variance, scale, shift = constants
    if isinstance(layer, nn.Linear):
        fused = fuse_linear_bn_weights(layer.weight, layer.bias, mean, variance, normalisation.eps, scale, shift)
    else:
        transpose = isinstance(layer, nn.ConvTranspose2d)
        fused = fuse_conv_bn_weights(
            layer.weight, layer.bias, mean, variance, normalisation.eps, scale, shift, transpose
        )
    layer.weight, layer.bias = (nn.Parameter(tensor.detach(), requires_grad=False) for tensor in fused)
