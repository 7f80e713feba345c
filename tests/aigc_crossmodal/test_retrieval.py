"""Finding pictures by texts and texts by pictures, and what a joint space looks like."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from aigc_core import Noise
from aigc_crossmodal.options import RetrievalOptions
from aigc_crossmodal.retrieval import geometry, ranks, retrieval, spread, uniformity


@dataclass
class Evidence:
    pictures: np.ndarray
    captions: np.ndarray
    picture_of: np.ndarray = field(init=False)
    caption_of: np.ndarray = field(init=False)
    resamples: int = 50

    def __post_init__(self):
        self.picture_of = self.caption_of = np.arange(len(self.pictures))

    def noise(self, name):
        return Noise(0, name)


def on_the_sphere(n, d, seed=0):
    points = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def measured(metric, evidence, options=None):
    return {found.name: found for found in metric(evidence, options)}


def test_a_perfect_space_finds_everything_first():
    points = on_the_sphere(30, 8)
    found = measured(retrieval, Evidence(points, points), RetrievalOptions())
    assert found["recall@1 text→image"].value == found["recall@1 image→text"].value == 1
    assert found["median rank text→image"].value == found["MRR text→image"].value == 1
    assert found["recall@10 text→image"].details == {"gallery": 30, "chance": pytest.approx(1 / 3, abs=1e-4)}


def test_a_collapsed_space_finds_nothing_since_ties_count_against_it():
    point = np.tile(on_the_sphere(1, 8), (30, 1))
    found = measured(retrieval, Evidence(point, point), RetrievalOptions())
    assert found["recall@10 text→image"].value == 0
    assert found["median rank text→image"].value == 30


def test_a_space_of_chance_is_measured_as_chance():
    evidence = Evidence(on_the_sphere(400, 16), on_the_sphere(400, 16, seed=1))
    recall = measured(retrieval, evidence, RetrievalOptions(k=(100,)))["recall@100 text→image"]
    assert recall.value == pytest.approx(recall.details["chance"], abs=0.07)
    assert recall.interval.low < recall.details["chance"] < recall.interval.high


def test_of_several_true_answers_the_first_counts():
    queries, gallery = np.array([[1.0, 0]], np.float32), np.array([[0.9, 0], [1, 0], [0.5, 0], [0.9, 0]], np.float32)
    true = np.array([[True, False, True, False]])
    assert ranks(queries, gallery, true).tolist() == [3], "one is nearer, and one as near"
    assert ranks(queries, gallery, ~true).tolist() == [1]


def test_the_geometry_of_known_spaces():
    points = on_the_sphere(500, 16)
    found = measured(geometry, Evidence(points, -points))
    assert found["alignment"].value == pytest.approx(4, abs=1e-4)
    assert found["spread of pictures"].value == pytest.approx(1, abs=0.02)
    assert found["modality gap"].value == pytest.approx(2 * np.linalg.norm(points.mean(axis=0)), abs=1e-5)
    collapsed = np.tile(points[:1], (5, 1)).astype(np.float64)
    assert spread(collapsed) == pytest.approx(0, abs=1e-6)
    assert uniformity(collapsed) == pytest.approx(0, abs=1e-6)
    # Two opposite points: every pair of different ones lies 2 apart, so log exp(-2 * 4).
    assert uniformity(np.array([[1.0, 0], [-1, 0]])) == pytest.approx(-8)
