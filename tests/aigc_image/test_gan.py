"""``image/gan``: the losses of the papers, and every way to combine its parts."""

from __future__ import annotations

import math

import pytest
import torch

from aigc_core import DataShape, TrainingOptions, UsageError, train
from aigc_image import gan
from aigc_image.gan import Gan
from aigc_image.networks import Discriminator
from aigc_image.options import GanConfig

REAL, FAKE = torch.tensor([2.0, 0.0]), torch.tensor([1.0, -3.0])


def log_sigmoid(x):
    return math.log(1 / (1 + math.exp(-x)))


@pytest.mark.parametrize(
    "loss, expected",
    [
        (
            lambda: gan.discriminator_logistic(REAL, FAKE),
            # -E[log D(x)] - E[log(1 - D(G(z)))], where 1 - sigmoid(l) = sigmoid(-l)
            -(log_sigmoid(2) + log_sigmoid(0)) / 2 - (log_sigmoid(-1) + log_sigmoid(3)) / 2,
        ),
        (lambda: gan.generator_minimax(FAKE), (log_sigmoid(-1) + log_sigmoid(3)) / 2),
        (lambda: gan.generator_non_saturating(FAKE), -(log_sigmoid(1) + log_sigmoid(-3)) / 2),
        (lambda: gan.discriminator_hinge(REAL, FAKE), (0 + 1) / 2 + (2 + 0) / 2),
        (lambda: gan.generator_hinge(FAKE), 1.0),
    ],
    ids=["discriminator", "minimax", "non-saturating", "hinge discriminator", "hinge generator"],
)
def test_a_loss_is_what_its_paper_says(loss, expected):
    assert loss().item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", gan.LOSSES)
def test_a_discriminator_pulls_real_up_and_fake_down_and_a_generator_its_fakes_up(name):
    discriminator_loss, generator_loss = gan.LOSSES[name]
    real, fake = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    discriminator_loss(real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
    fake.grad = None
    generator_loss(fake).backward()
    assert (fake.grad < 0).all()


def test_where_the_discriminator_is_sure_only_minimax_stops_teaching():
    slopes = {}
    for name, (_, generator_loss) in gan.LOSSES.items():
        fake = torch.tensor([-20.0], requires_grad=True)
        generator_loss(fake).backward()
        slopes[name] = fake.grad.item()
    assert slopes["minimax"] == pytest.approx(0, abs=1e-6)
    assert slopes["non-saturating"] == pytest.approx(-1, abs=1e-6)
    assert slopes["hinge"] == -1


def test_a_hinge_asks_no_more_of_what_is_beyond_the_margin():
    real, fake = torch.tensor([1.5], requires_grad=True), torch.tensor([-1.5], requires_grad=True)
    gan.discriminator_hinge(real, fake).backward()
    assert (real.grad.item(), fake.grad.item()) == (0, 0)


FEW = TrainingOptions(steps=2, batch=4, threads=1)
TINY = {"latent_dim": 3, "width": 4, "hidden": 8, "embedding_dim": 2}


@pytest.mark.parametrize("kind", ["digits", "unlabelled", "colours"])
@pytest.mark.parametrize("loss", gan.LOSSES)
@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_every_gan_trains_and_samples(request, architecture, loss, kind):
    data = request.getfixturevalue(kind)
    config = GanConfig(architecture=architecture, loss=loss, **TINY)
    trained = train(Gan, config, data, FEW)
    sampler = Gan(config, data.described)
    sampler.networks["generator"].load_state_dict(
        {name.removeprefix("generator."): tensor for name, tensor in trained.tensors.items()}
    )
    labels = torch.tensor([0, 1, 1]) if data.described.labels else None
    pictures = sampler.sample(torch.randn(3, 3), labels)
    assert pictures.shape == (3, *data.described.shape)
    assert pictures.min() >= 0
    assert pictures.max() <= 1


@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_both_sides_of_the_game_see_the_label(architecture):
    torch.manual_seed(0)
    component = Gan(GanConfig(architecture=architecture, **TINY), DataShape((1, 8, 8), ("cat", "dog")))
    for network in component.networks.values():
        network.eval()
    latent, cat, dog = torch.randn(1, 3), torch.tensor([0]), torch.tensor([1])
    generator, discriminator = component.networks["generator"], component.networks["discriminator"]
    picture = generator(latent, cat)
    assert not torch.equal(picture, generator(latent, dog))
    assert not torch.equal(discriminator(picture, cat), discriminator(picture, dog))


def test_spectral_normalisation_holds_the_largest_stretch_of_every_layer_at_one():
    torch.manual_seed(0)
    network = Discriminator("conv", 10, (1, 8, 8), 4, 8, normed=True)
    with torch.no_grad():
        for _ in range(200):  # power iteration, one round a call
            network(torch.rand(2, 1, 8, 8), torch.tensor([0, 1]))
    layers = [*(layer for layer in network.features if hasattr(layer, "weight")), network.score, network.embedding]
    stretches = [torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() for layer in layers]
    assert stretches == pytest.approx([1.0] * 6, rel=0.01)


def test_sides_that_cannot_be_quartered_are_refused_for_convolutions_alone():
    with pytest.raises(UsageError, match="divisible by 4, not 10×8"):
        Gan(GanConfig(**TINY), DataShape((1, 10, 8)))
    free = Gan(GanConfig(architecture="mlp", **TINY), DataShape((1, 10, 7)))
    assert free.sample(torch.randn(2, 3), None).shape == (2, 1, 10, 7)
