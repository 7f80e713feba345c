"""Fine-tuning: starting from a model, with labels of one's own beside the model's, and without forgetting."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from aigc_core import UsageError, generate, train_model
from aigc_core.pipeline import Pipeline
from aigc_core.training.finetune import HELD, Base, start_from
from aigc_core.training.learnt import learn_from
from aigc_core.training.loop import Training
from aigc_core.training.loop.checkpoint import Checkpoints
from aigc_core.training.plan import TrainOrder, TrainPlanner

DIGITS = Path(__file__).parents[1] / "fixtures" / "mnist-200.npz"
TINY = {"architecture": "conv", "width": 4, "hidden": 8, "latent_dim": 4, "batch": 8, "log_every": 5, "loss": "hinge"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A conditional GAN of ten digits, trained for ten steps."""
    folder = tmp_path_factory.mktemp("base") / "ten-digits"
    return train_model("image/gan", DIGITS, name=str(folder), options=TINY, steps=10, seed=1)


@pytest.fixture
def own(tmp_path):
    """Six pictures of one's own, of no class."""
    with np.load(DIGITS) as arrays:
        np.savez(tmp_path / "mine.npz", pixels=255 - arrays["pixels"][::40] // 2)
    return tmp_path / "mine.npz"


def started(base, data, name="mine", freeze=(), rehearse=None):
    """Return a training that starts from `base`, before its first step, and what it starts from."""
    pipeline = Pipeline()
    planner = TrainPlanner(pipeline.registry, pipeline.settings.config)
    order = TrainOrder(
        "image/gan", data, name=name, base=str(base), freeze=freeze, rehearse=rehearse, seed=2, options={"batch": 8}
    )
    plan = planner.plan(order)
    found = Base.of(plan.base, learn_from(plan), plan, pipeline)
    training = Training(plan.component, plan.config, found.data, plan.options)
    start_from(found, training, freeze)
    return training, found


def test_ones_own_pictures_get_a_label_after_the_models(base, own):
    _, found = started(base, own)
    assert found.data.label_names == (*"0123456789", "mine")
    own_share = float((found.data.labels == 10).mean())
    assert own_share == pytest.approx(0.75, abs=0.02)  # the rest is rehearsed
    rehearsed = set(found.data.labels[found.data.labels < 10].tolist())
    assert rehearsed == set(range(10))


def test_it_starts_with_the_models_weights_and_new_labels_start_as_their_mean(base, own):
    training, _ = started(base, own, rehearse=0.0)
    stored = load_file(base / "model.safetensors")
    table = training.networks["generator"].state_dict()["embedding.weight"]
    assert torch.equal(table[:10], stored["generator.embedding.weight"])
    assert torch.allclose(table[10], stored["generator.embedding.weight"].mean(dim=0))
    assert torch.equal(training.average.networks["generator"].state_dict()["embedding.weight"], table)


def test_the_discriminator_goes_on_where_its_training_is_still_there(base, own):
    training, _ = started(base, own, rehearse=0.0)
    kept = Checkpoints.read_from(base / "training" / "checkpoints").tensors
    mine = training.networks["discriminator"].state_dict()
    for key in ("features.0.bias", "score.bias"):
        assert torch.equal(mine[key], kept[f"network/discriminator/{key}"])


def test_a_new_discriminator_learns_first_while_the_generator_is_held(own, base, tmp_path):
    alone = tmp_path / "ten-digits"
    alone.mkdir()
    for name in ("aigc.json", "model.safetensors"):
        (alone / name).write_bytes((base / name).read_bytes())
    training, _ = started(alone, own, rehearse=0.0)

    def moved(steps):
        before = {key: value.clone() for key, value in training.networks["generator"].named_parameters()}
        for _ in range(steps):
            training.step_alone()
        return any(
            not torch.equal(before[key], value) for key, value in training.networks["generator"].named_parameters()
        )

    assert not moved(2)
    training.step = HELD
    assert moved(1)


def test_what_is_frozen_stays_and_the_rest_learns(base, own):
    training, _ = started(base, own, freeze=("discriminator.features.0.*",), rehearse=0.0)
    parameters = dict(training.networks["discriminator"].named_parameters())
    before = {key: value.detach().clone() for key, value in parameters.items()}
    for _ in range(3):
        training.step_alone()
    moved = {key for key, value in parameters.items() if not torch.equal(value, before[key])}
    assert not [key for key in moved if key.startswith("features.0.")]
    assert [key for key in moved if key.startswith("features.2.")]


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"freeze": ("generator.embeding.weight",)}, "did you mean"),
        ({"freeze": ("generator.*",)}, "nothing to learn in phase 'generator'"),
        ({"rehearse": 1.0}, "cannot be rehearsed"),
    ],
)
def test_what_cannot_be_is_refused(base, own, asked, message):
    with pytest.raises(UsageError) as error:
        started(base, own, **asked)
    assert message in f"{error.value.message} {error.value.hint}"


def test_the_model_that_comes_out_makes_the_old_and_the_new(base, own, tmp_path):
    folder = train_model(
        "image/gan",
        own,
        name=str(tmp_path / "mine"),
        base=str(base),
        steps=5,
        seed=3,
        options={"batch": 8, "log_every": 5},
    )
    manifest = json.loads((folder / "aigc.json").read_text())
    assert manifest["labels"] == [*"0123456789", "mine"]
    assert "ten-digits" in (folder / "README.md").read_text()
    made = generate("image", model=str(folder), seed=1, n=2, options={"label": "mine"})
    assert len(made.artifacts) == 2


def test_without_labels_nothing_is_rehearsed_unasked(tmp_path, own):
    base = train_model(
        "image/vae",
        DIGITS,
        name=str(tmp_path / "v"),
        steps=5,
        seed=1,
        options={
            "width": 4,
            "hidden": 8,
            "latent_dim": 4,
            "components": 2,
            "batch": 8,
            "log_every": 5,
            "architecture": "conv",
        },
    )
    pipeline = Pipeline()
    planner = TrainPlanner(pipeline.registry, pipeline.settings.config)
    plan = planner.plan(TrainOrder("image/vae", own, name="w", base=str(base), seed=2))
    assert len(Base.of(plan.base, learn_from(plan), plan, pipeline).data) == 5
