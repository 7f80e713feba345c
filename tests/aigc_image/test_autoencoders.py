"""``image/vae`` and ``image/autoencoder``: their terms against torch's own distributions, and that they learn."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Bernoulli, Laplace, Normal, kl_divergence

from aigc_core import DataShape, Noise, TrainingOptions, UsageError, train
from aigc_image import autoencoder, vae
from aigc_image.autoencoder import Autoencoder
from aigc_image.options import AutoencoderConfig, AutoencoderOptions, VaeConfig, VaeOptions
from aigc_image.vae import Vae


@pytest.fixture
def logits():
    return 2 * torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def pictures():
    return torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(2))


def test_the_divergence_from_the_prior_is_torchs(logits):
    mean, log_variance = logits.flatten(1).chunk(2, dim=1)
    posterior = Normal(mean, (0.5 * log_variance).exp())
    expected = kl_divergence(posterior, Normal(torch.zeros_like(mean), torch.ones_like(mean))).sum(dim=1)
    torch.testing.assert_close(vae.kl_divergence(mean, log_variance), expected)
    assert vae.kl_divergence(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0, 0]


def test_the_bernoulli_term_is_minus_the_log_probability(logits, pictures):
    expected = -Bernoulli(logits=logits).log_prob(pictures.round()).flatten(1).sum(dim=1)
    torch.testing.assert_close(vae.bernoulli(logits, pictures.round()), expected)
    torch.testing.assert_close(autoencoder.cross_entropy(logits, pictures.round()), expected.mean())


def test_the_gaussian_term_is_minus_the_log_density_at_the_best_width(logits, pictures):
    best = (torch.sigmoid(logits) - pictures).square().mean().sqrt()

    def density(width):
        return -Normal(torch.sigmoid(logits), width).log_prob(pictures).flatten(1).sum(dim=1)

    term = vae.gaussian(logits, pictures)
    torch.testing.assert_close(term, density(best))
    assert all(term.mean() < density(best * factor).mean() for factor in (0.9, 0.99, 1.01, 1.1))


def test_the_laplace_term_is_minus_the_log_density_at_the_best_width(logits, pictures):
    best = (torch.sigmoid(logits) - pictures).abs().mean()

    def density(width):
        return -Laplace(torch.sigmoid(logits), width).log_prob(pictures).flatten(1).sum(dim=1)

    term = vae.laplace(logits, pictures)
    torch.testing.assert_close(term, density(best))
    assert all(term.mean() < density(best * factor).mean() for factor in (0.9, 0.99, 1.01, 1.1))


def test_the_squared_error_is_summed_over_pixels(logits, pictures):
    expected = (torch.sigmoid(logits) - pictures).pow(2).sum(dim=(1, 2, 3))
    torch.testing.assert_close(vae.mse(logits, pictures), expected)
    torch.testing.assert_close(autoencoder.squared_error(logits, pictures), expected.mean())


TINY = {"latent_dim": 3, "width": 4, "hidden": 16}
WAYS = [(Vae, VaeConfig, way) for way in vae.RECONSTRUCTIONS] + [
    (Autoencoder, AutoencoderConfig, way) for way in autoencoder.RECONSTRUCTIONS
]


@pytest.mark.parametrize("component, config, way", WAYS, ids=[f"{each[0].__name__} {each[2]}" for each in WAYS])
@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_every_autoencoder_learns_from_two_hundred_digits(digits, component, config, way, architecture):
    settings = config(architecture=architecture, reconstruction=way, components=3, **TINY)
    options = TrainingOptions(steps=40, batch=32, lr=5e-3, threads=1, log_every=10)
    history = train(component, settings, digits, options).history
    name = f"{component(settings, digits.described).phases[0].name}/loss"
    gained = history[0][name] - history[-1][name]
    assert gained > 0.15 * abs(history[0][name])


@pytest.mark.parametrize("kind", ["digits", "unlabelled", "colours"])
@pytest.mark.parametrize("component, config, way", WAYS, ids=[f"{each[0].__name__} {each[2]}" for each in WAYS])
@pytest.mark.parametrize("architecture", ["mlp", "conv", "deep"])
def test_every_autoencoder_samples_through_its_mixture(request, component, config, way, architecture, kind):
    data = request.getfixturevalue(kind)
    settings = config(architecture=architecture, reconstruction=way, components=2, **TINY)
    trained = train(component, settings, data, TrainingOptions(steps=2, batch=4, threads=1))
    assert {name.split(".")[0] for name in trained.tensors} == {"decoder", "encoder", "sampler"}
    sampler = component(settings, data.described)
    sampler.load_sampler({name: trained.tensors[f"sampler.{name}"] for name in sampler.sampler_shapes()})
    options = VaeOptions() if component is Vae else AutoencoderOptions()
    latents = torch.stack([torch.from_numpy(sampler.latent(Noise(seed, "z"), options)) for seed in range(3)])
    pictures = sampler.sample(latents, None)
    assert pictures.shape == (3, *data.described.shape)
    assert pictures.min() >= 0
    assert pictures.max() <= 1


def test_beta_weighs_the_divergence(unlabelled):
    heavy, light = (
        train(
            Vae,
            VaeConfig(architecture="mlp", beta=beta, components=2, **TINY),
            unlabelled,
            TrainingOptions(steps=60, batch=32, lr=5e-3, threads=1, log_every=20),
        ).history[-1]
        for beta in (20.0, 0.0)
    )
    assert heavy["elbo/kl"] < 0.2 * light["elbo/kl"]
    assert heavy["elbo/loss"] == pytest.approx(heavy["elbo/reconstruction"] + 20 * heavy["elbo/kl"], rel=1e-4)
    assert light["elbo/loss"] == pytest.approx(light["elbo/reconstruction"], rel=1e-6)


def test_beta_can_rise_over_the_first_steps(unlabelled):
    settings = VaeConfig(architecture="mlp", beta=2.0, beta_warmup=4, components=2, **TINY)
    options = TrainingOptions(steps=6, batch=8, threads=1, log_every=1)
    weights = [
        (row["elbo/loss"] - row["elbo/reconstruction"]) / row["elbo/kl"]
        for row in train(Vae, settings, unlabelled, options).history
    ]
    assert weights == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0, 2.0], rel=0.05)


def test_a_dimension_is_active_where_its_mean_depends_on_the_picture():
    means = torch.tensor([[1.0, 0.5, 0.05], [-1.0, 0.5, -0.05]])
    assert vae.active_units(means).item() == 1


@pytest.mark.parametrize("active, told", [(1.0, True), (5.0, False)])
def test_latents_that_say_nothing_sound_an_alarm(active, told):
    component = Vae(VaeConfig(latent_dim=16, architecture="mlp"), DataShape((1, 8, 8)))
    alarms = component.alarms({"elbo/active_units": active, "elbo/kl": 0.2})
    assert [alarm.name for alarm in alarms] == ["posterior collapse"] * told
    assert component.alarms({}) == []


@pytest.mark.parametrize("component, config", [(Vae, VaeConfig), (Autoencoder, AutoencoderConfig)])
@pytest.mark.parametrize("preset", ["tiny", "small", "base"])
def test_a_preset_is_a_training_that_starts(component, config, preset):
    chosen = component.PRESETS[preset]
    settings = {key: value for key, value in chosen["training"].items() if key != "minutes"}
    built = component(config(**chosen["config"]), DataShape((3, 64, 64)))
    assert TrainingOptions(**settings).lr == settings["lr"]
    assert built.encode(torch.rand(2, 3, 64, 64)).shape == (2, built.config.latent_dim)


@pytest.mark.parametrize("component, config", [(Vae, VaeConfig), (Autoencoder, AutoencoderConfig)])
def test_more_components_than_pictures_leave_some_without_weight(colours, component, config):
    settings = config(architecture="mlp", components=25, **TINY)
    trained = train(component, settings, colours, TrainingOptions(steps=2, batch=4))
    weights = trained.tensors["sampler.weights"]
    assert weights.shape == (25,)
    assert int((weights > 0).sum()) == len(colours)
    assert float(weights.sum()) == pytest.approx(1)


@pytest.mark.parametrize("component, config", [(Vae, VaeConfig), (Autoencoder, AutoencoderConfig)])
def test_sides_that_cannot_be_quartered_are_refused_for_convolutions_alone(component, config):
    with pytest.raises(UsageError, match="divisible by 4, not 8×9"):
        component(config(**TINY), DataShape((1, 8, 9)))
    assert component(config(architecture="mlp", **TINY), DataShape((1, 8, 9)))
