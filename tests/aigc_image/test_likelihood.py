"""How likely a VAE holds a picture to be: its bounds against the integral over all latents."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Bernoulli, Laplace, Normal

from aigc_core import DataShape, Noise, TrainingOptions, train
from aigc_core.training.contract import Encodes, Likelihood
from aigc_image.autoencoder import Autoencoder
from aigc_image.options import AutoencoderConfig, VaeConfig
from aigc_image.vae import Vae

SHAPE = DataShape((1, 2, 2))


@pytest.fixture
def pictures():
    return torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(2)).round()


@pytest.fixture(params=["bernoulli", "gaussian", "laplace", "mse"])
def vae(request):
    """A VAE of one latent dimension with random weights."""
    torch.manual_seed(0)
    config = VaeConfig(architecture="mlp", latent_dim=1, hidden=16, components=1, reconstruction=request.param)
    made = Vae(config, SHAPE)
    if request.param in ("gaussian", "laplace"):
        made.variance = 0.07
    return made


def density(vae, logits, pictures):
    """Return ``log p(x|z)`` by torch's distributions."""
    if vae.config.reconstruction == "bernoulli":
        likelihood = Bernoulli(logits=logits)
    elif vae.config.reconstruction == "laplace":
        likelihood = Laplace(torch.sigmoid(logits), math.sqrt(vae.variance / 2))
    else:
        likelihood = Normal(torch.sigmoid(logits), math.sqrt(vae.variance))
    return likelihood.log_prob(pictures).flatten(1).sum(dim=1)


@torch.no_grad()
def test_with_many_samples_the_tighter_bound_is_the_likelihood(vae, pictures):
    z = torch.linspace(-8, 8, 4001)[:, None]
    logits = vae.networks["decoder"](z)
    joint = torch.stack([density(vae, logits, picture) for picture in pictures]) + Normal(0, 1).log_prob(z[:, 0])
    exact = joint.logsumexp(dim=1) + math.log(16 / 4000)
    elbo, iwae = vae.log_likelihood(pictures, Noise(1, "z"), 3000)
    torch.testing.assert_close(iwae, exact, atol=0.03, rtol=0)
    assert (elbo < iwae).all()


@torch.no_grad()
def test_more_samples_make_the_bound_tighter_and_one_makes_both_the_same(vae, pictures):
    many = pictures.repeat(200, 1, 1, 1)
    elbo, one = vae.log_likelihood(many, Noise(1, "z"), 1)
    assert torch.equal(elbo, one)
    assert one.mean() < vae.log_likelihood(many, Noise(1, "z"), 5)[1].mean()


@torch.no_grad()
def test_the_noise_decides(vae, pictures):
    first, again, other = (vae.log_likelihood(pictures, Noise(seed, "z"), 2)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_latent_is_the_mean_of_what_the_encoder_says(vae, pictures):
    assert isinstance(vae, Encodes) and isinstance(vae, Likelihood)
    assert torch.equal(vae.encode(pictures), vae.networks["encoder"](pictures)[:, :1])
    plain = Autoencoder(AutoencoderConfig(architecture="mlp", latent_dim=3, hidden=16, components=1), SHAPE)
    assert isinstance(plain, Encodes) and not isinstance(plain, Likelihood)
    assert plain.encode(pictures).shape == (3, 3)


def test_a_gaussian_decoder_keeps_how_far_it_is_off(digits):
    config = VaeConfig(
        architecture="mlp", latent_dim=4, hidden=32, components=2, reconstruction="gaussian", sampler="gmm"
    )
    trained = train(Vae, config, digits, TrainingOptions(steps=30, batch=32, lr=3e-3, threads=1, ema_images=0))
    again = Vae(config, digits.described)
    again.load_sampler({name: trained.tensors[f"sampler.{name}"] for name in again.sampler_shapes()})
    for name in again.inference:
        weights = {key: trained.tensors[f"{name}.{key}"] for key in again.networks[name].state_dict()}
        again.networks[name].load_state_dict(weights)
    data = torch.from_numpy(digits.pixels).float() / 255
    with torch.no_grad():
        error = (again.sample(again.encode(data), None) - data).square().mean().item()
        right = again.log_likelihood(data, Noise(0, "z"), 1)[0].mean()
        assert again.variance == pytest.approx(error, rel=0.2)
        for factor in (0.5, 2):
            again.variance *= factor
            assert again.log_likelihood(data, Noise(0, "z"), 1)[0].mean() < right
            again.variance /= factor
