"""``image/vae`` and ``image/autoencoder``: their terms against torch's own distributions, and that they learn."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

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
@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_every_autoencoder_samples_through_its_mixture(request, component, config, way, architecture, kind):
    data = request.getfixturevalue(kind)
    settings = config(architecture=architecture, reconstruction=way, components=2, **TINY)
    trained = train(component, settings, data, TrainingOptions(steps=2, batch=4, threads=1))
    assert {name.split(".")[0] for name in trained.tensors} == {"decoder", "sampler"}
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


@pytest.mark.parametrize("component, config", [(Vae, VaeConfig), (Autoencoder, AutoencoderConfig)])
def test_more_components_than_pictures_are_refused(colours, component, config):
    settings = config(architecture="mlp", components=25, **TINY)
    with pytest.raises(UsageError, match="25 Gaussians cannot be fitted to 24 examples"):
        train(component, settings, colours, TrainingOptions(steps=1, batch=2, threads=1))


@pytest.mark.parametrize("component, config", [(Vae, VaeConfig), (Autoencoder, AutoencoderConfig)])
def test_sides_that_cannot_be_quartered_are_refused_for_convolutions_alone(component, config):
    with pytest.raises(UsageError, match="divisible by 4, not 8×9"):
        component(config(**TINY), DataShape((1, 8, 9)))
    assert component(config(architecture="mlp", **TINY), DataShape((1, 8, 9)))
