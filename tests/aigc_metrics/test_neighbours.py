"""Nearest neighbours: precision, recall, density, coverage, memorising and diversity."""

from __future__ import annotations

import numpy as np
import pytest

from aigc_core import UsageError
from aigc_metrics import neighbours
from aigc_metrics.diversity import diversity, pair_distances
from aigc_metrics.manifold import manifold, manifold_scores
from aigc_metrics.memorisation import mann_whitney, memorisation
from aigc_metrics.options import ManifoldOptions

stats = pytest.importorskip("scipy.stats")


def apart(one, other):
    return np.sqrt(((one[:, None].astype(float) - other[None]) ** 2).sum(axis=2))


@pytest.mark.parametrize("block", [1, 30, 10_000])
def test_distances_are_the_same_in_blocks_of_any_size(random, monkeypatch, block):
    monkeypatch.setattr(neighbours, "BLOCK", block)
    one, other = (random.normal(size=(count, 5)).astype(np.float32) + 100 for count in (17, 23))
    np.testing.assert_allclose(neighbours.nearest(one, other), apart(one, other).min(axis=1), rtol=1e-3)
    near, far = neighbours.squared_radii(one, (1, 4))
    sorted_rows = np.sort(apart(one, one), axis=1)  # the first is the distance to itself
    np.testing.assert_allclose(near.sqrt().numpy(), sorted_rows[:, 1], rtol=1e-3)
    np.testing.assert_allclose(far.sqrt().numpy(), sorted_rows[:, 4], rtol=1e-3)


def test_manifold_scores_are_those_written_out(random):
    made, real = random.normal(size=(2, 30, 3)).astype(np.float32)
    made *= 1.5
    scores = manifold_scores(made, real, 3, 5)
    between = apart(made, real)
    radius = lambda vectors, k: np.sort(apart(vectors, vectors), axis=1)[:, k]  # noqa: E731
    assert scores.precision.tolist() == (between <= radius(real, 3)).any(axis=1).tolist()
    assert scores.recall.tolist() == (between <= radius(made, 3)[:, None]).any(axis=0).tolist()
    assert scores.density.tolist() == pytest.approx((between <= radius(real, 5)).sum(axis=1) / 5)
    assert scores.coverage.tolist() == (between.min(axis=0) <= radius(real, 5)).tolist()


def values(arrays, made, real, **more):
    evidence = arrays({"generated": made, "reference": real, **more})
    return {measured.name: measured for measured in manifold(evidence, ManifoldOptions())}


def test_copies_are_precise_and_cover_everything(arrays, random):
    real = random.normal(size=(60, 4))
    assert {name: each.value for name, each in values(arrays, real, real).items() if name != "density"} == {
        "precision": 1,
        "recall": 1,
        "coverage": 1,
    }


def test_what_is_elsewhere_is_neither(arrays, random):
    real = random.normal(size=(60, 4))
    assert {each.value for each in values(arrays, real + 100, real).values()} == {0}


def test_one_mode_of_two_is_precise_and_covers_half(arrays, random):
    real = random.normal(size=(80, 4))
    real[40:] += 50
    scores = values(arrays, random.normal(size=(80, 4)), real)
    assert scores["precision"].value > 0.7
    assert scores["recall"].value < 0.6
    assert 0.3 < scores["coverage"].value <= 0.5


def test_manifold_takes_equally_many_of_both_sides(arrays, random):
    made, real, other = random.normal(size=(50, 4)), random.normal(size=(30, 4)), random.normal(size=(20, 4))
    measured = values(arrays, made, real, floor=other)["recall"]
    assert (measured.n, measured.floor_n) == (30, 20)
    assert measured.floor == pytest.approx(measured.value, abs=0.4)
    with pytest.raises(UsageError, match="more than 5 items"):
        values(arrays, made[:5], real)


def test_mann_whitney_is_that_of_the_textbook(random):
    for first, second in (
        (random.normal(size=30), random.normal(size=40) + 0.4),
        (random.integers(0, 5, size=50), random.integers(1, 6, size=35)),  # many ties
    ):
        expected = stats.mannwhitneyu(first, second, alternative="less", method="asymptotic", use_continuity=False)
        found = mann_whitney(first.astype(float), second.astype(float))
        assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
        assert found.share == pytest.approx(1 - expected.statistic / (len(first) * len(second)))


def test_mann_whitney_of_equal_numbers_says_nothing():
    assert mann_whitney(np.ones(5), np.ones(7)) == (0.5, 0.0, 0.5)


def test_copies_of_the_training_set_are_caught(arrays, random):
    training, unseen, fresh = random.normal(size=(300, 6)), random.normal(size=(100, 6)), random.normal(size=(100, 6))
    copies = training[:100] + 0.05 * random.normal(size=(100, 6))
    (caught,) = memorisation(arrays({"generated": copies, "reference": unseen, "training": training}), None)
    (innocent,) = memorisation(arrays({"generated": fresh, "reference": unseen, "training": training}), None)
    assert caught.value > 0.99
    assert caught.details["p"] < 1e-9
    assert innocent.interval.low < 0.5 < innocent.interval.high
    assert innocent.details["p"] > 0.01


def test_some_copies_among_much_else_are_caught(arrays, random):
    training, unseen, made = random.normal(size=(300, 6)), random.normal(size=(200, 6)), random.normal(size=(200, 6))
    made[:60] = training[:60]
    (measured,) = memorisation(arrays({"generated": made, "reference": unseen, "training": training}), None)
    assert measured.details["p"] < 0.01
    assert measured.interval.low > 0.5


def test_diversity_is_the_distance_of_pairs(arrays):
    vectors = np.array([[0, 0], [0, 0], [3, 4], [0, 1], [9, 9]])
    assert pair_distances(vectors.astype(np.float32)).tolist() == [5, 1]
    (measured,) = diversity(arrays({"generated": vectors, "floor": vectors * 2}), None)
    assert (measured.value, measured.floor, measured.n) == (3, 6, 4)
    with pytest.raises(UsageError, match="two items"):
        list(diversity(arrays({"generated": vectors[:1]}), None))


def test_a_model_with_one_picture_has_no_diversity(arrays, random):
    (measured,) = diversity(arrays({"generated": np.ones((50, 4)), "floor": random.normal(size=(50, 4))}), None)
    assert measured.value == measured.interval.high == 0 < measured.floor
