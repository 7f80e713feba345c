"""What is learnt from, and what is kept apart to measure with."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from aigc_core import UsageError
from aigc_core.training.learnt import learn_from
from aigc_core.training.plan import TrainOrder, TrainPlanner


@pytest.fixture
def learnt(pipeline):
    opened = pipeline()
    planner = TrainPlanner(opened.registry, opened.settings.config)
    return lambda data: learn_from(planner.plan(TrainOrder("image/gan", data, size=8)))


def pictures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8), np.uint8)


def folder(path, count, seed):
    path.mkdir(parents=True)
    for index, pixels in enumerate(pictures(count, seed)):
        Image.fromarray(pixels).save(path / f"{index}.png")


def test_a_small_set_is_learnt_whole(learnt, tmp_path):
    np.savez(tmp_path / "few.npz", pixels=pictures(300))
    found = learnt(tmp_path / "few.npz")
    assert (len(found.real), found.kept_apart) == (300, None)
    assert "learning from 300 pictures" in found.lines


def test_of_a_large_one_a_tenth_is_kept_to_choose_by_and_a_tenth_for_the_test(learnt, tmp_path):
    np.savez(tmp_path / "many.npz", pixels=pictures(1500))
    found = learnt(tmp_path / "many.npz")
    assert 1100 < len(found.real) < 1300
    assert 100 < len(found.kept_apart) < 200
    learnt_from = {picture.tobytes() for picture in found.real.pixels}
    assert not learnt_from & {picture.tobytes() for picture in found.kept_apart.pixels}
    assert found.survey.usable == 1500


def test_what_a_source_keeps_apart_itself_is_never_learnt(learnt, tmp_path):
    folder(tmp_path / "set" / "train", 12, seed=1)
    folder(tmp_path / "set" / "test", 5, seed=2)
    found = learnt(tmp_path / "set")
    assert len(found.real) == 12
    assert found.kept_apart is None


def test_its_own_validation_part_is_what_it_is_measured_with(learnt, tmp_path):
    for split, count in (("train", 12), ("validation", 6), ("test", 5)):
        folder(tmp_path / "set" / split, count, seed=count)
    found = learnt(tmp_path / "set")
    assert (len(found.real), len(found.kept_apart)) == (12, 6)


def test_one_picture_is_too_few_and_says_what_was_skipped(learnt, tmp_path):
    folder(tmp_path / "one", 1, seed=1)
    (tmp_path / "one" / "poem.txt").write_text("a poem")
    with pytest.raises(UsageError, match=r"one usable picture.*skipped"):
        learnt(tmp_path / "one")
