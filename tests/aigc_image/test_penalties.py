"""Penalties on a discriminator's steepness: against closed forms, and differentiated twice."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from aigc_image.networks import Discriminator
from aigc_image.penalties import one_centred, zero_centred

PICTURES = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(1))


class Linear(nn.Module):
    """Logits ``w·x``, whose gradient by x is w wherever one looks."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([3.0, 0.0, 4.0, 0.0]))

    def forward(self, pictures, labels):
        return pictures.flatten(1) @ self.weight


class Square(Linear):
    """Logits ``‖x‖² / 2``, whose gradient by x is x."""

    def forward(self, pictures, labels):
        return pictures.flatten(1).square().sum(dim=1) / 2


def test_of_a_linear_discriminator_the_penalties_are_those_of_its_weight():
    network = Linear()
    assert zero_centred(network, PICTURES, None).item() == pytest.approx(25 / 2)
    penalty = one_centred(network, PICTURES, 1 - PICTURES, None, torch.full((3, 1, 1, 1), 0.3))
    assert penalty.item() == pytest.approx((5 - 1) ** 2)
    penalty.backward()
    # d/dw (‖w‖ - 1)² = 2 (‖w‖ - 1) w / ‖w‖
    torch.testing.assert_close(network.weight.grad, 2 * 4 * network.weight.detach() / 5)


def test_the_gradient_is_taken_at_the_pictures_and_between_them():
    real, fake = PICTURES, 1 - PICTURES
    squares = real.flatten(1).square().sum(dim=1)
    torch.testing.assert_close(zero_centred(Square(), real, None), squares.mean() / 2)
    mixing = torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1, 1)
    norms = torch.stack([fake[0].norm(), torch.tensor(1.0), real[2].norm()])  # halfway, every value is 1/2
    torch.testing.assert_close(one_centred(Square(), real, fake, None, mixing), (norms - 1).square().mean())


@pytest.mark.parametrize("penalty", ["zero", "one"])
def test_the_second_derivative_is_that_of_finite_differences(penalty):
    torch.manual_seed(0)
    network = Discriminator("conv", 2, (1, 4, 4), 4, 8, normed=False)
    pictures, labels = torch.rand(4, 1, 4, 4), torch.tensor([0, 1, 0, 1])

    def value():
        if penalty == "zero":
            return zero_centred(network, pictures, labels)
        return one_centred(network, pictures, 1 - pictures, labels, torch.full((4, 1, 1, 1), 0.25))

    value().backward()
    weight = network.score.weight
    step, at = 1e-2, (0, int(weight.grad.abs().argmax()))
    with torch.no_grad():
        weight[at] += step
    above = value().item()
    with torch.no_grad():
        weight[at] -= 2 * step
    below = value().item()
    assert weight.grad[at].item() == pytest.approx((above - below) / (2 * step), rel=0.02)


def test_under_autocast_penalties_are_still_taken_in_float32():
    torch.manual_seed(0)
    network = Discriminator("conv", 0, (1, 4, 4), 4, 8, normed=True).eval()
    pictures = torch.rand(4, 1, 4, 4)
    plain = zero_centred(network, pictures, None)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(zero_centred(network, pictures, None), plain)
