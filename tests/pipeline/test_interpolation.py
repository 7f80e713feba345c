"""From one seed to another: the ends are what the seeds make, and all between is made like everything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aigc_core import Artifact, Order, RunStarted, UsageError, replay_file
from aigc_core.provenance import content_digest, read
from aigc_core.runs import Ledger

UNFILTERED = '[moderation]\nskip = ["no-bright"]\n'


@pytest.fixture
def house(pipeline):
    return pipeline(UNFILTERED)


def make(house, **order):
    return house.generate("image", model="studio/noise", **order)


def arrays(result):
    return np.stack([np.asarray(artifact.content, dtype=float) for artifact in result])


def test_the_ends_are_the_pictures_of_the_seeds(house):
    for post in ((), ("invert",), ("grain",)):
        way = make(house, interpolate=(3, 9), frames=5, post=post)
        assert len(way) == 5
        assert way[0].digest == make(house, seed=3, post=post)[0].digest
        assert way[4].digest == make(house, seed=9, post=post)[0].digest
        assert len({artifact.digest for artifact in way}) == 5


def test_frames_move_step_by_step(house):
    way = arrays(make(house, interpolate=(3, 9), frames=33))
    assert np.abs(np.diff(way, axis=0)).max() < 0.2 * np.abs(way[-1] - way[0]).max()


def test_more_frames_are_more_of_the_same_way(house):
    few, many = make(house, interpolate=(3, 9), frames=3), make(house, interpolate=(3, 9), frames=5)
    assert [few[k].digest for k in range(3)] == [many[k].digest for k in (0, 2, 4)]


def test_back_is_another_way_round(house):
    there, back = (make(house, interpolate=seeds, frames=3) for seeds in ((3, 9), (9, 3)))
    assert there[0].digest == back[2].digest


def test_a_recipe_has_noise_instead_of_a_seed(house):
    (first, middle, last) = make(house, interpolate=(3, 9), frames=3)
    assert middle.recipe["noise"] == {"a": 3, "b": 9, "t": 0.5}
    assert middle.recipe["format"] == 2
    assert "seed" not in middle.recipe
    assert (first.recipe["noise"]["t"], last.recipe["noise"]["t"]) == (0.0, 1.0)
    assert make(house, seed=3)[0].recipe["format"] == 1


def test_every_frame_is_replayed(house):
    make(house, interpolate=(3, 9), frames=4, post=["invert"], output="out")
    files = sorted(Path("out").glob("*.png"))
    assert [file.name for file in files] == [f"studio-noise-3-9-{index}.png" for index in range(4)]
    assert [replay_file(file, pipeline=house).answer for file in files] == ["IDENTICAL"] * 4
    assert all(content_digest(read(file).content) == read(file).envelope.digest for file in files)


def test_a_run_in_the_ledger_has_a_row_for_each_frame(house):
    events = []
    result = make(house, interpolate=(3, 9), frames=11, output="out", on_event=events.append)
    started = events[0]
    assert isinstance(started, RunStarted)
    assert (started.seed, started.total, result.seed) == (3, 11, 3)
    ledger = Ledger(house.settings.config.ledger_path)
    assert len(list(ledger.items(result.run))) == 11
    assert Path("out/studio-noise-3-9-00.png").exists()


def test_every_frame_is_moderated(pipeline):
    result = make(pipeline(), interpolate=(0, 1), frames=40)
    brightness = [artifact.scores["mean"] for artifact in make(pipeline(UNFILTERED), interpolate=(0, 1), frames=40)]
    bright = [index for index, mean in enumerate(brightness) if mean > 136]
    assert {blocked.index for blocked in result.blocked} >= set(bright)
    assert len(result.blocked) + len(result.artifacts) == 40
    for blocked in result.blocked:
        assert blocked.recipe["noise"]["a"] == 0


def test_what_is_asked_for_stays_that_of_the_first_seed(house):
    texts = house.generate("text", "lucky", model="studio/quote", pre=["dice"], interpolate=(5, 6), frames=3)
    (alone,) = house.generate("text", "lucky", model="studio/quote", pre=["dice"], seed=5)
    assert {artifact.content for artifact in texts} == {alone.content}


def test_an_item_that_fails_is_told_with_its_frame(house):
    result = make(house, interpolate=(3, 9), frames=2, post=["refuse"])
    assert [(failed.index, failed.seed) for failed in result.failed] == [(0, 3), (1, 3)]
    assert not any(isinstance(outcome, Artifact) for outcome in result)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"interpolate": (3, 3)}, "no way to go"),
        ({"interpolate": (3, -1)}, "seed -1 is out of range"),
        ({"interpolate": (3, 2**63)}, "out of range"),
        ({"frames": 1}, "1 frames"),
        ({"frames": 0}, "0 frames"),
        ({"frames": 1001}, "1001 frames.*2 to 1,000"),
        ({"n": 2}, "no number of items"),
        ({"seed": 4}, "two seeds already"),
        ({"candidates": 2, "select": "studio/brightest"}, "no candidates"),
        ({"select": "studio/brightest"}, "no candidates"),
    ],
)
def test_what_cannot_be_interpolated_is_refused(house, order, message):
    with pytest.raises(UsageError, match=message):
        make(house, **{"interpolate": (3, 9), **order})


def test_an_order_is_checked_before_anything_is_made(house):
    with pytest.raises(UsageError, match="no way to go"):
        house.plan(Order("image", model="studio/noise", interpolate=(1, 1)))
