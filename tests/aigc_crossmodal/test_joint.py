"""A joint embedding, from pictures with captions to a model folder that finds one by the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from aigc_core import CaptionedPictures, ModelError, TrainingOptions, UsageError, train
from aigc_core.models import open_folder
from aigc_crossmodal.joint import JointEmbedding
from aigc_crossmodal.joint_options import JointConfig

TINY = {"size": 32, "tokens": 512, "width": 16, "dimensions": 16, "dropout": 0.0}


@dataclass
class Alone:
    """What a loss is handed where one batch is looked at, without a loop."""

    networks: dict
    step: int = 0


@pytest.fixture(autouse=True)
def calm(one_thread: None) -> None:
    """Work on one thread."""


@pytest.fixture(scope="module")
def pairs(digits):
    return digits


@pytest.fixture(scope="module")
def folder(keep, pairs, tmp_path_factory):
    config = JointConfig(**TINY)
    examples = JointEmbedding.examples(config, pairs)
    trained = train(
        JointEmbedding, config, examples, TrainingOptions(steps=120, batch=32, lr=3e-3, ema_images=200, threads=1)
    )
    return keep(tmp_path_factory.mktemp("models") / "digits-joint", examples, trained, save_dtype="float16")


@pytest.fixture
def joint(folder):
    return JointEmbedding.from_model(open_folder(folder))


def test_names_find_their_digits(joint, pairs):
    names = sorted(set(pairs.captions))
    found = (joint.embed(pairs.pixels) @ joint.embed(names).T).argmax(axis=1)
    right = np.mean([names[place] == caption for place, caption in zip(found, pairs.captions, strict=True)])
    assert right > 0.5  # chance is a tenth


def test_points_have_length_one(joint, pairs):
    for points in (joint.embed(pairs.pixels[:3]), joint.embed(["one", "zwei", "三"])):
        assert points.dtype == np.float32
        assert np.allclose(np.linalg.norm(points, axis=1), 1, atol=1e-5)


def test_a_point_depends_on_its_picture_or_text_alone(joint, pairs):
    together = joint.embed(pairs.pixels[:20])
    assert np.array_equal(joint.embed(pairs.pixels[17:18])[0], together[17])
    assert np.array_equal(joint.embed(pairs.pixels[:20][::-1].copy())[::-1], together)
    texts = ["one", "a much longer text than one", "two"]
    assert np.array_equal(joint.embed(texts)[0], joint.embed(["one"])[0])


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 1), (3, 200, 31), (1, 64, 64)])
def test_pictures_of_any_size_are_looked_at(joint, shape):
    assert joint.embed(np.full((1, *shape), 200, np.uint8)).shape == (1, 16)


def test_nothing_gives_no_points(joint):
    assert joint.embed([]).shape == (0, 16)
    assert joint.embed(np.empty((0, 3, 8, 8), np.uint8)).shape == (0, 16)


def test_pictures_with_alpha_are_refused(joint):
    with pytest.raises(UsageError, match="grey or RGB"):
        joint.embed(np.zeros((1, 4, 8, 8), np.uint8))


def test_an_empty_text_is_refused(joint):
    with pytest.raises(UsageError, match="empty"):
        joint.embed(["one", "  "])


def test_a_folder_that_was_cut_short_is_refused(folder, tmp_path):
    copy = tmp_path / "digits-joint"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="truncated"):
        JointEmbedding.from_model(open_folder(copy))


def test_pairs_that_tell_nothing_apart_are_refused(pairs):
    one = CaptionedPictures(pairs.pixels[:3], ["one"] * 3, np.arange(3))
    with pytest.raises(UsageError, match="at least two things") as told:
        JointEmbedding.examples(JointConfig(**TINY), one)
    assert told.value.hint


def test_batches_hold_pictures_captions_and_numbers(pairs):
    pairs = CaptionedPictures(pairs.pixels[:2], ["a long caption", "one", "一"], np.array([0, 0, 1]))
    examples = JointEmbedding.examples(JointConfig(**TINY), pairs)
    batch = examples.batch(np.array([2, 1]))
    assert len(examples) == 3
    assert batch.data.shape == (2, 1, 28, 28)
    assert batch.condition.tolist() == [1, 0]
    assert batch.captions.shape[0] == 2
    again = JointEmbedding.examples(JointConfig(**TINY), pairs, examples.described.files)
    assert again.described == examples.described


@pytest.mark.parametrize("loss", ["clip+mse", "vicreg", "mse"])
@pytest.mark.parametrize("texts", ["bag", "transformer"])
def test_every_loss_moves_both_towers(pairs, loss, texts):
    config = JointConfig(**TINY, loss=loss, texts=texts)
    examples = JointEmbedding.examples(config, pairs)
    torch.manual_seed(0)
    joint = JointEmbedding(config, examples.described)
    made = joint.loss("joint", examples.batch(np.arange(16)), Alone(dict(joint.networks)))
    made.total.backward()
    assert joint.pictures.head.weight.grad.abs().sum() > 0
    assert joint.texts.head.weight.grad.abs().sum() > 0
    assert made.logs["spread"] > 0.1


@pytest.mark.parametrize("tower", ["pictures", "texts"])
def test_a_frozen_tower_stays_as_it_began(pairs, tower):
    config = JointConfig(**TINY, freeze=tower)
    examples = JointEmbedding.examples(config, pairs)
    options = TrainingOptions(steps=2, batch=8, ema_images=0, threads=1)
    after = [
        train(JointEmbedding, config, examples, options.model_copy(update={"steps": steps})).tensors for steps in (1, 2)
    ]
    same = {name: torch.equal(*(tensors[name] for tensors in after)) for name in after[0]}
    assert all(same[name] for name in same if name.startswith(f"{tower}."))
    assert not all(same.values())


def test_alarms_ring_for_a_collapse_and_for_chance(pairs):
    joint = JointEmbedding(JointConfig(**TINY), JointEmbedding.examples(JointConfig(**TINY), pairs).described)
    well = {"joint/spread": 0.8, "joint/contrast": 1.0, "joint/chance": 4.16}
    assert joint.alarms(well) == []
    assert [alarm.name for alarm in joint.alarms({**well, "joint/spread": 0.001})] == ["collapse"]
    assert [alarm.name for alarm in joint.alarms({**well, "joint/contrast": 4.15})] == ["nothing learnt"]
    assert joint.alarms({}) == []


@pytest.mark.parametrize(("loss", "alarms"), [("mse", ["collapse"]), ("clip+mse", [])])
def test_mse_alone_collapses_and_an_alarm_says_so(pairs, loss, alarms):
    config = JointConfig(**TINY, loss=loss)
    examples = JointEmbedding.examples(config, pairs)
    options = TrainingOptions(steps=150, batch=32, lr=3e-3, ema_images=0, threads=1)
    last = dict(train(JointEmbedding, config, examples, options).history[-1])
    assert (last["joint/loss"] < 1e-3) is (loss == "mse")  # a perfect score, of no use
    joint = JointEmbedding(config, examples.described)
    assert [alarm.name for alarm in joint.alarms(last)] == alarms
