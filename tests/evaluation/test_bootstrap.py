"""Intervals cover what they should, and are the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from aigc_core import Noise, bootstrap_mean, bootstrap_normal, draw_counts


def test_the_interval_of_a_mean_covers_it_in_about_95_cases_of_100():
    random = np.random.default_rng(1)
    covered = 0
    for trial in range(300):
        values = random.exponential(size=80)
        interval = bootstrap_mean(values, Noise(trial, "covers"), 200)
        covered += interval.low <= 1 <= interval.high
    assert 265 <= covered <= 295


def test_the_interval_of_a_mean_is_as_wide_as_theory_says():
    values = np.random.default_rng(2).normal(size=2000)
    interval = bootstrap_mean(values, Noise(0, "wide"), 500)
    assert (interval.high - interval.low) / 2 == pytest.approx(1.96 / np.sqrt(2000), rel=0.15)
    assert interval.method == "percentile bootstrap, 500 resamples"


def test_the_same_stream_gives_the_same_interval_in_chunks_of_any_size(monkeypatch):
    values = np.random.default_rng(3).normal(size=50)
    whole = bootstrap_mean(values, Noise(0, "same"), 40)
    monkeypatch.setattr("aigc_core.evaluation.bootstrap.CHUNK", 120)
    assert bootstrap_mean(values, Noise(0, "same"), 40) == whole
    assert bootstrap_mean(values, Noise(1, "same"), 40) != whole


def test_a_resample_has_as_many_items_as_there_are():
    counts = draw_counts(1000, Noise(0, "counts"))
    assert (counts.sum(), len(counts)) == (1000, 1000)
    assert 0.33 < (counts == 0).mean() < 0.41, "each is left out with probability 1/e"


def test_the_normal_interval_stays_where_the_number_can_be():
    random = np.random.default_rng(4)
    interval = bootstrap_normal(0.1, lambda: random.normal(0.5, 1), 400, at_least=0)
    assert interval.low == 0
    assert interval.high == pytest.approx(0.1 + 1.96, rel=0.15)
