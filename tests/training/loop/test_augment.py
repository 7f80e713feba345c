"""Augmentation: what it may do to a picture, and that it depends on the place in the batch alone."""

from __future__ import annotations

import pytest
import torch

from aigc_core import TrainingOptions
from aigc_core.training.loop.augment import augment

ALL = slice(0, 8)


@pytest.fixture
def pictures(digits):
    return digits.batch(range(0, 160, 20)).data


def test_nothing_is_done_unasked(pictures):
    assert augment(pictures, TrainingOptions(batch=8), 0, ALL) is pictures


def test_a_flip_mirrors_some_and_leaves_the_others(pictures):
    flipped = augment(pictures, TrainingOptions(batch=8, flip=True), 0, ALL)
    same = [torch.equal(a, b) for a, b in zip(flipped, pictures, strict=True)]
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(flipped, pictures, strict=True)]
    assert all(a or b for a, b in zip(same, mirrored, strict=True))
    assert 0 < sum(mirrored) < 8


def test_a_crop_shifts_by_no_more_than_asked_and_repeats_the_edge():
    row = torch.arange(10.0).expand(32, 1, 10, 10) / 10
    shifted = augment(row, TrainingOptions(batch=32, crop=2), 0, slice(0, 32))
    moves = (shifted[:, 0, 5, 5] - 0.5).mul(10).round()
    assert set(moves.tolist()) == {-2.0, -1.0, 0.0, 1.0, 2.0}
    assert float(shifted.min()) == 0
    assert float(shifted.max()) == pytest.approx(0.9)


def test_colours_stay_in_range_and_grey_stays_grey():
    grey = torch.full((8, 3, 4, 4), 0.5)
    changed = augment(grey, TrainingOptions(batch=8, colour=0.5), 0, ALL)
    assert not torch.equal(changed, grey)
    assert torch.allclose(changed[:, 0], changed[:, 1])
    bright = augment(torch.ones(8, 3, 4, 4), TrainingOptions(batch=8, colour=1.0), 0, ALL)
    assert 0 <= float(bright.min()) <= float(bright.max()) <= 1


def test_a_picture_fares_the_same_in_whatever_part_of_the_batch_it_is_taken(pictures):
    options = TrainingOptions(batch=8, flip=True, crop=3, colour=0.2)
    whole = augment(pictures, options, 4, ALL)
    parts = [augment(pictures[rows], options, 4, rows) for rows in (slice(0, 2), slice(2, 8))]
    assert torch.equal(torch.cat(parts), whole)
    assert not torch.equal(augment(pictures, options, 5, ALL), whole)
