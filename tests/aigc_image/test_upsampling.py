"""Transposed convolutions in other words: the same function, where it is one of those that are faster so."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from aigc_image.inference import Bfloat16, replace_transposed
from aigc_image.upsampling import faster


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def layer(*sizes, **how):
    torch.manual_seed(0)
    return nn.ConvTranspose2d(*sizes, **how).requires_grad_(False)


REPLACED = {
    "one pixel": (layer(6, 5, 4), (2, 6, 1, 1)),
    "one pixel to an oblong": (layer(6, 5, (4, 3), bias=False), (2, 6, 1, 1)),
    "more than one pixel": (layer(6, 5, 2, stride=2), (2, 6, 3, 4)),
    "colours": (layer(6, 3, 4, 2, 1), (2, 6, 3, 5)),
    "grey": (layer(6, 1, 4, 2, 1, bias=False), (2, 6, 1, 2)),
}
KEPT = {
    "many channels": (layer(3, 5, 4, 2, 1), (2, 3, 4, 4)),
    "another kernel": (layer(3, 2, 3, 2, 1), (2, 3, 4, 4)),
    "groups": (layer(4, 4, 4, 2, 1, groups=2), (2, 4, 4, 4)),
    "holes": (layer(3, 2, 4, dilation=2), (2, 3, 1, 1)),
    "one row more": (layer(3, 2, 4, 2, 0, output_padding=1), (2, 3, 1, 1)),
}


@pytest.mark.parametrize(("given", "shape", "replaced"), [
    *(pytest.param(*case, True, id=name) for name, case in REPLACED.items()),
    *(pytest.param(*case, False, id=name) for name, case in KEPT.items()),
])  # fmt: skip
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_what_is_faster_is_the_same_function(given, shape, replaced, memory_format):
    made = faster(given)
    assert (made is not given) == replaced
    x = noise(*shape).to(memory_format=memory_format)
    torch.testing.assert_close(made.to(memory_format=memory_format)(x), given(x), rtol=1e-4, atol=1e-5)


def test_a_generator_with_replaced_layers_makes_nearly_the_same_in_bfloat16():
    torch.manual_seed(0)
    network = nn.Sequential(
        *(nn.ConvTranspose2d(8, 12, 4, bias=False), nn.BatchNorm2d(12), nn.ReLU()),
        *(nn.ConvTranspose2d(12, 12, 4, 2, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU()),
        nn.ConvTranspose2d(12, 3, 4, 2, 1, bias=False),
    ).eval()
    network.requires_grad_(False)
    expected = network(noise(4, 8, 1, 1))
    made = Bfloat16(network)(noise(4, 8, 1, 1))
    assert made.shape == (4, 3, 16, 16)
    assert sum(isinstance(module, nn.ConvTranspose2d) for module in network) == 1
    assert 0 < (made - expected).abs().max() < 0.05 * expected.abs().max()


def test_weights_that_are_worked_out_stay_where_they_are():
    network = nn.Sequential(spectral_norm(nn.ConvTranspose2d(6, 3, 4, 2, 1)))
    replace_transposed(network)
    assert isinstance(network[0], nn.ConvTranspose2d)
