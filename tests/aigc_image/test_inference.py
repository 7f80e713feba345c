"""Networks for bfloat16: the same functions with normalisations folded away, and with activations in place."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from aigc_image.inference import Bfloat16, fold_normalisation, overwrite_activations
from aigc_image.networks import decoder, encoder


def trained(network):
    """Give the normalisations something to do."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.normal_()
            module.running_var.uniform_(0.2, 3)
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 2)
                nn.init.normal_(module.bias)
    return network.eval().requires_grad_(False)


def normalisations(network):
    return sum(isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) for module in network.modules())


FOLDED = {
    "convolution": (nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)), (2, 3, 6, 6)),
    "groups": (nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.BatchNorm2d(8)), (2, 4, 6, 6)),
    "transposed": (nn.Sequential(nn.ConvTranspose2d(3, 5, 4, 2, 1, bias=False), nn.BatchNorm2d(5)), (2, 3, 6, 6)),
    "linear": (nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5)), (2, 3)),
    "unflattened": (nn.Sequential(nn.Linear(3, 20), nn.Unflatten(1, (5, 2, 2)), nn.BatchNorm2d(5)), (2, 3)),
    "nested": (nn.Sequential(nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU())), (2, 3, 6, 6)),
    "decoder": (decoder("conv", 6, (3, 16, 16), 4, 8), (2, 6)),
    "encoder": (encoder("conv", (3, 16, 16), 6, 4, 8), (2, 3, 16, 16)),
}
KEPT = {
    "nothing before it": (nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 5, 3)), (2, 3, 6, 6)),
    "no linear map before it": (nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.BatchNorm2d(5)), (2, 3, 6, 6)),
    "weights that are worked out": (
        nn.Sequential(spectral_norm(nn.Conv2d(3, 5, 3)), nn.BatchNorm2d(5)),
        (2, 3, 6, 6),
    ),
    "transposed groups": (
        nn.Sequential(nn.ConvTranspose2d(4, 8, 4, groups=2), nn.BatchNorm2d(8)),
        (2, 4, 6, 6),
    ),
    "no scale": (nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5, affine=False)), (2, 3, 6, 6)),
}


@pytest.mark.parametrize(("network", "shape", "left"), [
    *(pytest.param(*case, 0, id=name) for name, case in FOLDED.items()),
    *(pytest.param(*case, 1, id=name) for name, case in KEPT.items()),
])  # fmt: skip
def test_a_network_without_its_normalisations_is_the_same_function(network, shape, left):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    before = trained(network)(x)
    fold_normalisation(network)
    assert normalisations(network) == left
    torch.testing.assert_close(network(x), before, rtol=1e-4, atol=1e-5)


def test_numbers_go_in_and_come_out_as_float32():
    network = trained(decoder("conv", 6, (3, 16, 16), 4, 8))
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    expected = network(x)
    made = Bfloat16(network)(x)
    assert made.dtype == torch.float32
    assert {parameter.dtype for parameter in network.parameters()} == {torch.bfloat16}
    assert 0 < (made - expected).abs().max() < 0.05 * expected.abs().max()


def test_activations_write_over_what_layers_made_and_over_nothing_else():
    network = nn.Sequential(nn.ReLU(), nn.Linear(3, 4), nn.Unflatten(1, (4, 1, 1)), nn.LeakyReLU(), nn.ReLU())
    x = torch.randn(2, 3, generator=torch.Generator().manual_seed(1))
    given, expected = x.clone(), network(x)
    overwrite_activations(network)
    assert [layer.inplace for layer in network if hasattr(layer, "inplace")] == [False, True, False]
    assert torch.equal(network(x), expected)
    assert torch.equal(x, given)


def test_whole_numbers_and_nothing_go_in_as_they_are():
    class Chooses(nn.Module):
        def forward(self, x, labels, nothing):
            assert nothing is None
            return x[:, 0] * 0 + labels

    labels = torch.tensor([1001, 4003])  # bfloat16 knows neither
    assert Bfloat16(Chooses())(torch.ones(2, 1), labels, None).dtype == torch.float32
