"""Where latents lie, given what the picture is of."""

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from aigc_core import Noise, UsageError
from aigc_image.mixture_density import DensitySampler, MixtureDensity, Posteriors, fit

NORTH, EAST = np.eye(8, dtype=np.float32)[:2]
#: Of one thing there are pictures in two places, of the other in one.
PLACES = {0: [(-2.0, 1.0), (2.0, 1.0)], 1: [(0.0, -2.0)]}
NARROW = 0.1


def posteriors(count=600):
    of = np.arange(count) % 2
    means = np.float32([PLACES[thing][(turn // 2) % len(PLACES[thing])] for turn, thing in enumerate(of)])
    vectors = np.stack([NORTH, EAST])[of]
    return Posteriors(torch.from_numpy(means), torch.full((count, 2), NARROW), torch.from_numpy(vectors))


@pytest.fixture(scope="module")
def fitted():
    return fit(posteriors(), 4, seed=0)


def draws(sampler, vector, count=300):
    mixture = sampler.given(vector)
    return np.stack([mixture.draw(Noise(seed, "latent")) for seed in range(count)])


def test_likelihood_is_that_of_a_mixture():
    density = MixtureDensity(8, 3, 2, Noise(1, "weights"))
    vectors, latents = torch.nn.functional.normalize(torch.randn(5, 8), dim=1), torch.randn(5, 2)
    weights, means, deviations = density(vectors)
    mixture = MixtureSameFamily(Categorical(logits=weights), Independent(Normal(means, deviations.exp()), 1))
    assert torch.allclose(density.log_likelihood(latents, vectors), mixture.log_prob(latents), atol=1e-5)


def test_each_vector_has_its_places(fitted):
    sampler = DensitySampler(fitted)
    for vector, places in ((NORTH, PLACES[0]), (EAST, PLACES[1])):
        drawn = draws(sampler, vector)
        distances = np.linalg.norm(drawn[:, None] - np.array(places), axis=2)  # (draws, places)
        assert np.quantile(distances.min(axis=1), 0.95) < 4 * NARROW
        shares = np.bincount(distances.argmin(axis=1), minlength=len(places)) / len(drawn)
        assert shares.min() > 0.7 / len(places)


def test_what_is_drawn_is_what_was_learnt(fitted):
    """The sampler works in numpy, the network in torch; both have the same mixture."""
    density = MixtureDensity(8, 4, 2, Noise(0, "other weights"))
    density.load_state_dict({name: tensor for name, tensor in fitted.items() if name != "deviation"})
    weights, means, deviations = density(torch.from_numpy(NORTH)[None])
    mixture = DensitySampler(fitted).given(NORTH)
    chosen = int(weights.argmax())
    noise = Noise(3, "latent")
    same = Noise(3, "latent")
    component = int(np.searchsorted(weights[0].exp().cumsum(0).detach().numpy(), same.uniform(), side="right"))
    expected = means[0, component] + deviations[0, component].exp() * torch.from_numpy(same.normal(2))
    assert np.allclose(mixture.draw(noise), expected.detach(), atol=1e-4)
    assert weights[0, chosen].exp() > 1 / 4


def test_fit_is_the_same_each_time_and_another_with_another_seed(fitted):
    again, other = fit(posteriors(), 4, seed=0), fit(posteriors(), 4, seed=1)
    assert all(torch.equal(fitted[name], again[name]) for name in fitted)
    assert not torch.equal(fitted["hidden.weight"], other["hidden.weight"])


def test_spread_is_that_of_all_latents(fitted):
    data = posteriors()
    drawn = data.means + data.deviations * torch.randn(100, *data.means.shape)
    assert torch.allclose(fitted["deviation"], drawn.flatten(0, 1).std(dim=0), rtol=0.02)


def test_shapes_are_those_of_the_tensors(fitted):
    assert {name: tuple(tensor.shape) for name, tensor in fitted.items()} == DensitySampler.shapes(8, 4, 2)


def test_fitting_moves_no_random_numbers_of_others():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    with torch.no_grad():  # as the training loop does
        fit(posteriors(4), 2, seed=0)
    assert torch.equal(torch.rand(3), expected)


def test_codes_that_are_not_finite_are_refused():
    data = posteriors(4)
    data.means[0, 0] = torch.nan
    with pytest.raises(UsageError, match="not finite"):
        fit(data, 2, seed=0)


def test_without_a_vector_nothing_is_drawn(fitted):
    with pytest.raises(UsageError, match="conditioned by vectors"):
        DensitySampler(fitted).given(None)
