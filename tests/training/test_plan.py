"""What is asked of a training: names, presets, options and folders, checked before any data is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from aigc_core import PluginError, TrainingOptions, UsageError
from aigc_core.training.plan import TrainOrder, TrainPlanner
from aigc_image.gan import Gan


@pytest.fixture
def plan(pipeline):
    opened = pipeline()
    planner = TrainPlanner(opened.registry, opened.settings.config)

    def make(component="image/gan", data="./photos", **asked):
        return planner.plan(TrainOrder(component, data, **asked))

    return make


def test_options_find_their_way_to_the_component_or_to_the_training(plan):
    planned = plan(options={"width": "12", "lr": "0.001", "loss": "hinge"})
    assert (planned.config.width, planned.config.loss, planned.options.lr) == (12, "hinge", 0.001)


def test_a_preset_is_what_the_component_says_and_options_go_over_it(plan):
    preset = Gan.PRESETS["tiny"]
    planned = plan(preset="tiny", options={"latent_dim": "7"})
    assert planned.size == preset.get("size")
    assert planned.config.model_dump().items() >= {**preset.get("config", {}), "latent_dim": 7}.items()
    known = {key: value for key, value in preset.get("training", {}).items() if key in TrainingOptions.model_fields}
    assert planned.options.model_dump(include=set(known)) == TrainingOptions(**known).model_dump(include=set(known))


def test_without_a_preset_it_is_the_small_one(plan):
    assert plan().config == plan(preset="small").config


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"component": "image/gna"}, "did you mean 'image/gan'"),
        ({"component": "acme/nothing"}, "unknown component"),
        ({"preset": "tinny"}, "did you mean 'tiny'"),
        ({"options": {"widht": "3"}}, "did you mean 'width'"),
        ({"options": {"width": "many"}}, "width"),
        ({"options": {"batch": "10", "accumulate": "3"}}, "equal parts"),
        ({"options": {"seed": "3"}}, "--seed"),
        ({"steps": 10, "minutes": 1.0}, "--steps and --minutes"),
        ({"steps": 10, "options": {"steps": "5"}}, "--set steps"),
        ({"steps": 0}, "steps"),
        ({"minutes": 0.0}, "more than 0"),
        ({"name": "digits-gan"}, "bundled"),
        ({"name": "-rf"}, "name"),
        ({"base": "no-such-model"}, "no-such-model"),
        ({"base": "digits-vae"}, "image/vae"),
        ({"base": "digits-gan", "options": {"width": "3"}}, "settled by digits-gan"),
        ({"base": "digits-gan", "preset": "tiny"}, "--preset"),
        ({"freeze": ("generator.*",)}, "--from MODEL"),
        ({"rehearse": 0.5}, "--from MODEL"),
        ({"track": ("tensorbord",)}, "tensorboard"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_type(plan, asked, message):
    with pytest.raises(UsageError) as error:
        plan(**asked)
    assert message in f"{error.value.message} {error.value.hint}"


def test_what_cannot_be_trained_says_what_can(plan):
    with pytest.raises(UsageError) as error:
        plan("random-conv")
    assert "cannot be trained" in error.value.message
    assert "image/gan" in error.value.hint


@pytest.mark.parametrize(
    "data, name",
    [
        ("./My Photos", "my-photos-gan"),
        ("poems.tar.gz", "poems-gan"),
        ("猫", "猫-gan"),
        ("..", None),
    ],
)
def test_a_model_is_named_after_its_data(plan, data, name):
    assert plan(data=data).name == (name or f"{Path('..').resolve().name.lower()}-gan")


def test_a_name_goes_into_the_users_models_and_a_path_where_it_says(plan, tmp_path):
    assert plan(name="cats").folder.parent.name == "models"
    assert plan(name=str(tmp_path / "cats")).folder == tmp_path / "cats"


def test_a_finished_model_is_never_trained_over(plan, tmp_path):
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "aigc.json").write_text("{}")
    with pytest.raises(UsageError, match="finished model"):
        plan(name=str(tmp_path / "cats"))


def test_a_config_must_leave_the_trainings_names_alone(plan, pipeline):
    from pydantic import BaseModel

    from aigc_core.training.plan import _parted

    class Component:
        class Config(BaseModel):
            batch: int = 3

    with pytest.raises(PluginError, match="batch"):
        _parted(TrainOrder("acme/one", "data"), Component, "image")
