"""FD and KID: right where the answer is known, and of the literature's formulas."""

from __future__ import annotations

import numpy as np
import pytest

from aigc_core import Noise, UsageError
from aigc_metrics.frechet import Gaussian, fit, frechet, frechet_distance
from aigc_metrics.kid import kernel, kid, kid_subsets, mmd_unbiased
from aigc_metrics.options import KidOptions

linalg = pytest.importorskip("scipy.linalg")


def covariance(random, dimensions, scale=1.0):
    root = random.normal(size=(dimensions, dimensions)) * scale
    return root @ root.T / dimensions


def test_fd_of_gaussians_that_differ_in_mean_and_scale_has_a_closed_form():
    """Along each axis: (μ₁ - μ₂)² + (σ₁ - σ₂)²."""
    one = Gaussian(np.array([0.0, 1.0, 2.0]), np.diag([1.0, 4.0, 9.0]))
    other = Gaussian(np.array([3.0, 1.0, 0.0]), np.diag([4.0, 4.0, 0.25]))
    assert frechet_distance(one, other) == pytest.approx((9 + 0 + 4) + (1 + 0 + 2.5**2))


@pytest.mark.parametrize("dimensions", [1, 5, 40])
def test_fd_is_what_the_root_of_the_product_gives(random, dimensions):
    one = Gaussian(random.normal(size=dimensions), covariance(random, dimensions))
    other = Gaussian(random.normal(size=dimensions), covariance(random, dimensions, 2.0))
    root = linalg.sqrtm(one.covariance @ other.covariance).real
    apart = one.mean - other.mean
    expected = apart @ apart + np.trace(one.covariance + other.covariance - 2 * root)
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(other, one) == pytest.approx(expected, rel=1e-6)


def test_fd_of_a_set_with_itself_is_zero_even_with_fewer_items_than_dimensions(random):
    few = fit(random.normal(size=(10, 64)))
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)
    assert np.isfinite(frechet_distance(few, fit(random.normal(size=(10, 64)))))


def test_counting_items_is_repeating_them(random):
    vectors = random.normal(size=(6, 3))
    counts = np.array([2, 0, 1, 1, 0, 2])
    weighted, repeated = fit(vectors, counts.astype(float)), fit(np.repeat(vectors, counts, axis=0))
    np.testing.assert_allclose(weighted.mean, repeated.mean)
    np.testing.assert_allclose(weighted.covariance, repeated.covariance)
    np.testing.assert_allclose(repeated.covariance, np.cov(np.repeat(vectors, counts, axis=0).T))


def test_fd_of_evidence_has_an_interval_and_a_floor(arrays, random):
    real, held_out = random.normal(size=(2, 400, 8))
    shifted = random.normal(size=(400, 8)) + 0.5
    (measured,) = frechet(arrays({"generated": shifted, "reference": real, "floor": held_out}), None)
    assert measured.value == pytest.approx(8 * 0.25, rel=0.3)
    assert measured.interval.low < measured.value < measured.interval.high
    assert measured.interval.low > measured.floor
    assert (measured.name, measured.n, measured.better) == ("FD", 400, "lower")


def test_fd_of_one_item_is_refused(arrays, random):
    with pytest.raises(UsageError, match="at least two"):
        list(frechet(arrays({"generated": np.zeros((1, 2)), "reference": np.zeros((5, 2))}), None))


def test_mmd_is_the_sum_written_out(random):
    x, y = (random.normal(size=(count, 4)).astype(np.float32) for count in (5, 7))

    def k(a, b):
        return (float(a @ b) / 4 + 1) ** 3

    xx = np.mean([k(x[i], x[j]) for i in range(5) for j in range(5) if i != j])
    yy = np.mean([k(y[i], y[j]) for i in range(7) for j in range(7) if i != j])
    xy = np.mean([k(a, b) for a in x for b in y])
    assert mmd_unbiased(x, y) == pytest.approx(xx + yy - 2 * xy, rel=1e-4)
    assert kernel(x, y).shape == (5, 7)


def test_kid_of_equal_distributions_is_zero_in_the_mean(random):
    """Unbiased at every size: with as few as ten items FD would be far above zero."""
    found = np.array([mmd_unbiased(*random.normal(size=(2, 10, 4)).astype(np.float32)) for _ in range(600)])
    assert abs(found.mean()) < 4 * found.std() / np.sqrt(len(found))
    assert found.min() < 0 < found.max()


def test_kid_tells_apart_and_says_how_sure_it_is(arrays, random):
    real, held_out = random.normal(size=(2, 500, 8))
    evidence = arrays({"generated": random.normal(size=(500, 8)) + 0.7, "reference": real, "floor": held_out})
    (far,) = kid(evidence, KidOptions(size=100))
    (same,) = kid(arrays({"generated": held_out, "reference": real}), KidOptions(size=100))
    assert far.interval.low > 0
    assert far.interval.low > same.interval.high
    assert same.interval.low < 0 < same.interval.high
    assert far.details == {"subset": 100}
    assert abs(far.floor) < far.value


def test_kid_is_seeded_and_its_subsets_are_half_of_few_items(arrays, random):
    x, y = random.normal(size=(2, 40, 4)).astype(np.float32)
    once, again = (kid_subsets(x, y, 5, 10, Noise(3, "kid")) for _ in range(2))
    assert once.tolist() == again.tolist()
    assert len(set(once.tolist())) == 5
    (measured,) = kid(arrays({"generated": x, "reference": y}), KidOptions())
    assert measured.details == {"subset": 20}
    with pytest.raises(UsageError, match="at least four"):
        list(kid(arrays({"generated": x[:3], "reference": y}), KidOptions()))
