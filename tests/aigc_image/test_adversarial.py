"""What the two sides of a GAN play for: each loss against its paper's own formula."""

from __future__ import annotations

import math

import pytest
import torch

from aigc_image.adversarial import LOSSES

REAL, FAKE = torch.tensor([2.0, 0.0]), torch.tensor([1.0, -3.0])


def log_sigmoid(x):
    return math.log(1 / (1 + math.exp(-x)))


# -E[log D(x)] - E[log(1 - D(G(z)))], where 1 - sigmoid(l) = sigmoid(-l)
LOGISTIC = -(log_sigmoid(2) + log_sigmoid(0)) / 2 - (log_sigmoid(-1) + log_sigmoid(3)) / 2


@pytest.mark.parametrize(
    "name, discriminator, generator",
    [
        ("minimax", LOGISTIC, (log_sigmoid(-1) + log_sigmoid(3)) / 2),
        ("non-saturating", LOGISTIC, -(log_sigmoid(1) + log_sigmoid(-3)) / 2),
        ("hinge", (0 + 1) / 2 + (2 + 0) / 2, 1.0),
        ("least-squares", 0.5 * ((1 + 1) / 2 + (1 + 9) / 2), 0.5 * (0 + 16) / 2),
        ("wasserstein-gp", -1 - 1, 1.0),
        (
            "relativistic",
            -(log_sigmoid(2 - 1) + log_sigmoid(0 + 3)) / 2,
            -(log_sigmoid(1 - 2) + log_sigmoid(-3 - 0)) / 2,
        ),
    ],
)
def test_a_loss_is_what_its_paper_says(name, discriminator, generator):
    assert LOSSES[name].discriminator(REAL, FAKE).item() == pytest.approx(discriminator, rel=1e-6)
    assert LOSSES[name].generator(REAL, FAKE).item() == pytest.approx(generator, rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_a_discriminator_pulls_real_up_and_fake_down_and_a_generator_its_fakes_up(name):
    real, fake = torch.zeros(4, requires_grad=True), torch.full((4,), 0.5, requires_grad=True)
    LOSSES[name].discriminator(real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
    fake.grad = None
    LOSSES[name].generator(real.detach(), fake).backward()
    assert (fake.grad < 0).all()


def test_where_the_discriminator_is_sure_only_minimax_stops_teaching():
    slopes = {}
    for name, loss in LOSSES.items():
        fake = torch.tensor([-20.0], requires_grad=True)
        loss.generator(torch.tensor([20.0]), fake).backward()
        slopes[name] = fake.grad.item()
    assert slopes.pop("minimax") == pytest.approx(0, abs=1e-6)
    assert all(slope <= -1 + 1e-6 for slope in slopes.values())


def test_a_hinge_asks_no_more_of_what_is_beyond_the_margin():
    real, fake = torch.tensor([1.5], requires_grad=True), torch.tensor([-1.5], requires_grad=True)
    LOSSES["hinge"].discriminator(real, fake).backward()
    assert (real.grad.item(), fake.grad.item()) == (0, 0)


def test_only_the_relativistic_generator_looks_at_real_pictures():
    for name, loss in LOSSES.items():
        near, far = loss.generator(REAL, FAKE), loss.generator(REAL + 5, FAKE)
        assert loss.paired == (name == "relativistic") == (near != far).item()
