"""The mixture of Gaussians, against scikit-learn's and against mixtures that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import mixture as sklearn_mixture

from aigc_core import Noise, UsageError
from aigc_image.gmm import CHUNK, GaussianMixture, fit

KNOWN = GaussianMixture(
    weights=torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64),
    means=torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]], dtype=torch.float64),
    choleskys=torch.tensor([[[1.0, 0.0], [0.8, 0.6]], [[2.0, 0.0], [0.0, 0.5]], [[0.7, 0.0], [-0.3, 0.7]]]).double(),
)


def covariances(mixture):
    return mixture.choleskys @ mixture.choleskys.mT


def in_sklearn(mixture):
    """Say the same mixture in scikit-learn's words."""
    theirs = sklearn_mixture.GaussianMixture(len(mixture.weights))
    theirs.weights_, theirs.means_ = mixture.weights.numpy(), mixture.means.numpy()
    theirs.covariances_ = covariances(mixture).numpy()
    theirs.precisions_cholesky_ = torch.linalg.inv(mixture.choleskys).mT.numpy()
    return theirs


def drawn(mixture, count, temperature=1.0, first=0):
    sampler = mixture.sampler()
    return np.stack([sampler.draw(Noise(seed, "latent"), temperature) for seed in range(first, first + count)])


@pytest.fixture(scope="module")
def points():
    return torch.from_numpy(drawn(KNOWN, 3000)).double()


@pytest.fixture(scope="module")
def fitted(points):
    return fit(points, 3, seed=0)


def test_the_log_likelihood_is_scikit_learns(points):
    rows = torch.cat([points, 30 * torch.rand(CHUNK, 2).double() - 15])  # more than one chunk, and far away
    expected = in_sklearn(KNOWN).score_samples(rows.numpy())
    np.testing.assert_allclose(KNOWN.log_likelihood(rows).numpy(), expected, rtol=1e-9)


def test_a_known_mixture_is_found_again(fitted):
    order = [int((fitted.means - mean).norm(dim=1).argmin()) for mean in KNOWN.means]
    assert sorted(order) == [0, 1, 2]
    torch.testing.assert_close(fitted.weights[order], KNOWN.weights, atol=0.03, rtol=0)
    torch.testing.assert_close(fitted.means[order], KNOWN.means, atol=0.2, rtol=0)
    torch.testing.assert_close(covariances(fitted)[order], covariances(KNOWN), atol=0.3, rtol=0)
    assert fitted.weights.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("components", [1, 3, 8])
def test_a_fit_is_about_as_good_as_scikit_learns(digits, components):
    pixels = torch.from_numpy(digits.pixels[:, 0, 4:24:5, 4:24:5]).flatten(1).double() / 255  # (200, 16)
    pixels = pixels[:, pixels.std(dim=0) > 0.2][:, :6]
    theirs = sklearn_mixture.GaussianMixture(components, random_state=0, tol=1e-4, max_iter=500, reg_covar=1e-5)
    ours = fit(pixels, components, seed=0).log_likelihood(pixels).mean().item()
    assert ours > theirs.fit(pixels.numpy()).score(pixels.numpy()) - 0.5


def test_one_gaussian_is_mean_and_covariance_of_the_data(points):
    single = fit(points, 1, seed=0)
    torch.testing.assert_close(single.means[0], points.mean(dim=0))
    torch.testing.assert_close(covariances(single)[0], points.T.cov(correction=0), rtol=1e-3, atol=0.02)


def test_one_seed_gives_one_mixture(points, fitted):
    state = torch.get_rng_state()
    again, other = fit(points, 3, seed=0), fit(points[:50], 7, seed=1)
    assert all(torch.equal(again.tensors()[name], tensor) for name, tensor in fitted.tensors().items())
    assert not torch.equal(other.means, fit(points[:50], 7, seed=2).means)
    assert torch.equal(torch.get_rng_state(), state)


def test_more_rows_than_a_chunk_are_fitted_to_all(points):
    many = points.repeat(2, 1)
    assert len(many) > CHUNK
    torch.testing.assert_close(fit(many, 1, seed=0).means[0], points.mean(dim=0))


def test_fewer_rows_than_components_are_refused(points):
    with pytest.raises(UsageError, match=r"4 Gaussians cannot be fitted to 3 examples.*set components to 3 or less"):
        fit(points[:3], 4, seed=0)
    assert len(fit(points[:3], 3, seed=0).weights) == 3


@pytest.mark.parametrize("value", [0.0, 3.0, 0.1])
def test_codes_that_are_all_the_same_give_a_mixture_that_draws_them(value):
    mixture = fit(torch.full((20, 4), value), 3, seed=0)
    np.testing.assert_allclose(drawn(mixture, 5), np.full((5, 4), value), atol=1e-3)


def test_draws_have_the_mixtures_mean_and_covariance():
    latents = drawn(KNOWN, 20_000)
    assert latents.dtype == np.float32
    mean = (KNOWN.weights[:, None] * KNOWN.means).sum(dim=0)
    spread = KNOWN.means - mean
    covariance = (KNOWN.weights[:, None, None] * (covariances(KNOWN) + spread[:, :, None] * spread[:, None, :])).sum(0)
    np.testing.assert_allclose(latents.mean(axis=0), mean, atol=0.15)
    np.testing.assert_allclose(np.cov(latents.T), covariance, rtol=0.05)


def test_the_temperature_scales_the_spread_around_each_mean():
    cold = drawn(KNOWN, 300, temperature=1e-6)
    apart = np.abs(cold[:, None] - KNOWN.means.numpy()).sum(axis=2)  # (300, 3)
    assert apart.min(axis=1).max() < 1e-4
    assert np.bincount(apart.argmin(axis=1)).min() > 30
    single = GaussianMixture(KNOWN.weights[:1], KNOWN.means[:1], KNOWN.choleskys[:1])
    np.testing.assert_allclose(drawn(single, 50, temperature=2.0), 2 * drawn(single, 50), rtol=1e-5)


def test_a_draw_depends_on_its_own_noise_alone():
    together = drawn(KNOWN, 20)
    assert drawn(KNOWN, 1, first=13).tobytes() == together[13].tobytes()


def test_a_mixture_goes_through_its_stored_tensors(fitted):
    stored = fitted.tensors()
    assert {name: tuple(tensor.shape) for name, tensor in stored.items()} == GaussianMixture.shapes(3, 2)
    assert drawn(GaussianMixture(**stored), 9).tobytes() == drawn(fitted, 9).tobytes()


def test_codes_that_are_not_finite_are_refused():
    with pytest.raises(UsageError, match="not finite"):
        fit(torch.full((10, 2), torch.nan), 2, seed=0)
