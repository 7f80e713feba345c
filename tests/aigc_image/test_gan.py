"""``image/gan``: every way to combine its parts, when penalties are due, its alarms and its presets."""

from __future__ import annotations

import pytest
import torch

from aigc_core import DataShape, TrainingOptions, UsageError, train
from aigc_core.training import Training
from aigc_image.adversarial import LOSSES
from aigc_image.gan import Gan
from aigc_image.networks import Discriminator
from aigc_image.options import GanConfig

FEW = TrainingOptions(steps=2, batch=4, threads=1)
TINY = {"latent_dim": 3, "width": 4, "hidden": 8, "embedding_dim": 2}


@pytest.mark.parametrize("kind", ["digits", "unlabelled", "colours"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("architecture", ["mlp", "conv", "deep"])
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


@pytest.mark.parametrize("architecture", ["mlp", "conv", "deep"])
def test_both_sides_of_the_game_see_the_label(architecture):
    torch.manual_seed(0)
    component = Gan(GanConfig(architecture=architecture, **TINY), DataShape((1, 16, 16), ("cat", "dog")))
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


def logs_of(data, steps, **settings):
    """Return the logs of each of the first steps of a training."""
    options = TrainingOptions(steps=steps, batch=4, threads=1, log_every=1)
    config = GanConfig(architecture="deep", spectral_norm=False, **TINY, **settings)
    return train(Gan, config, data, options).history


def test_r1_and_r2_are_due_each_so_many_steps_and_weigh_as_much_more(colours):
    lazy = logs_of(colours, 4, loss="relativistic", regularise_every=3)
    assert ["discriminator/r1" in row for row in lazy] == [True, False, False, True]
    (row,) = logs_of(colours, 1, loss="non-saturating", r1_gamma=2.0, regularise_every=3)
    (free,) = logs_of(colours, 1, loss="non-saturating")
    assert "discriminator/r2" not in row
    due = row["discriminator/loss"] - free["discriminator/loss"]
    assert due == pytest.approx(2 * 3 * row["discriminator/r1"], rel=1e-4)


def test_the_penalty_of_wasserstein_is_due_at_each_step_and_can_be_left_out(colours):
    rows = logs_of(colours, 2, loss="wasserstein-gp")
    assert all("discriminator/gradient_penalty" in row for row in rows)
    (row,) = logs_of(colours, 1, loss="wasserstein-gp", gradient_penalty=0.0)
    assert "discriminator/gradient_penalty" not in row


@pytest.mark.parametrize("policy", ["translation", "colour,translation,cutout"])
def test_what_the_discriminator_sees_can_be_augmented(colours, policy):
    (plain,) = logs_of(colours, 1)
    (augmented,) = logs_of(colours, 1, diffaugment=policy)
    assert plain["discriminator/real"] != augmented["discriminator/real"]
    assert logs_of(colours, 1, diffaugment=policy) == (augmented,)


@pytest.mark.parametrize("policy", ["color", "colour,", "colour;cutout", ",cutout"])
def test_a_policy_that_is_none_is_refused(policy):
    with pytest.raises(ValueError, match="diffaugment"):
        GanConfig(diffaugment=policy)


@pytest.mark.parametrize(
    "accuracy, name",
    [(1.0, "discriminator saturated"), (0.8, None), (0.5, "discriminator blind")],
)
def test_a_game_that_one_side_always_wins_sounds_an_alarm(accuracy, name):
    component = Gan(GanConfig(**TINY), DataShape((1, 8, 8)))
    logs = {"discriminator/accuracy": accuracy, "discriminator/real": 9.0, "discriminator/fake": -3.0}
    assert [alarm.name for alarm in component.alarms(logs)] == ([name] if name else [])
    assert component.alarms({}) == []


@pytest.mark.parametrize("preset", Gan.PRESETS)
def test_a_preset_is_a_training_that_starts(preset):
    chosen = Gan.PRESETS[preset]
    settings = {key: value for key, value in chosen["training"].items() if key != "minutes"}
    component = Gan(GanConfig(**chosen["config"]), DataShape((3, 64, 64)))
    assert TrainingOptions(**settings).lr_of("generator") > 0
    with torch.no_grad():
        pictures = component.networks["generator"](torch.randn(2, component.config.latent_dim), None)
    assert pictures.shape == (2, 3, 64, 64)


def test_a_tiny_preset_takes_a_step_in_bfloat16(colours):
    chosen = {**Gan.PRESETS["tiny"]["config"], "width": 4, "hidden": 8}
    training = Training(Gan, GanConfig(**chosen), colours, TrainingOptions(precision="bfloat16", batch=4, threads=1))
    training.step_alone()
    assert all(torch.isfinite(weight).all() for weight in training.networks["discriminator"].parameters())
