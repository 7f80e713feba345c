"""A training from data to model folder: what it leaves behind, how it goes on, and what it refuses."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aigc_core import AigcError, UsageError, generate, train_model
from aigc_core.events import (
    AlarmRaised,
    CheckpointWritten,
    DataSurveyed,
    TrainingFinished,
    TrainingLogged,
    TrainingStarted,
)
from aigc_core.pipeline import Pipeline
from aigc_core.training.loop.checkpoint import Checkpoints
from aigc_core.training.plan import TrainOrder, TrainPlanner
from aigc_core.training.resume import plan_training
from aigc_core.training.run import TrainingRun

DIGITS = Path(__file__).parents[1] / "fixtures" / "mnist-200.npz"
TINY = {"architecture": "conv", "width": 4, "hidden": 8, "latent_dim": 4, "log_every": 5, "batch": 8}
VAE = {**TINY, "components": 2}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A VAE trained for ten steps, and what happened."""
    folder = tmp_path_factory.mktemp("trained") / "tiny-digits"
    events = []
    train_model(
        "image/vae", DIGITS, name=str(folder), options=VAE, steps=10, seed=3, licence="CC0-1.0", on_event=events.append
    )
    return folder, events


def order(name, **asked):
    return TrainOrder("image/gan", DIGITS, **{"name": str(name), "options": TINY, "steps": 20, "seed": 4, **asked})


def run(asked, stop_after=None):
    """Train; where `stop_after` is given, until that many steps are logged, and then drop everything."""
    pipeline = Pipeline()
    plan = plan_training(asked, TrainPlanner(pipeline.registry, pipeline.settings.config))
    events = []
    with closing(TrainingRun(plan, pipeline).events()) as stream:
        for event in stream:
            events.append(event)
            if stop_after and isinstance(event, CheckpointWritten) and event.step >= stop_after:
                break
    return plan.folder, events


def test_it_tells_what_happens_in_order(trained):
    _, events = trained
    kinds = [type(event) for event in events if not isinstance(event, AlarmRaised)]
    assert kinds[:3] == [DataSurveyed, TrainingStarted, TrainingLogged]
    assert kinds[-1] is TrainingFinished
    assert [event.step for event in events if isinstance(event, TrainingLogged)] == [5, 10]


def test_the_folder_holds_a_model_with_card_samples_numbers_and_report(trained):
    folder, _ = trained
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("aigc.json", "model.safetensors", "README.md", "samples.png", "metrics.json", "report.html", "training")
    }
    assert "CC0-1.0" in (folder / "README.md").read_text().upper()
    assert str(DIGITS.parent) not in (folder / "README.md").read_text()
    measured = json.loads((folder / "metrics.json").read_text())["evaluation"]
    assert measured
    assert all(number["n"] for number in measured)


def test_the_run_folder_holds_what_it_left_on_the_way(trained):
    folder, _ = trained
    left = {str(path.relative_to(folder / "training")) for path in (folder / "training").rglob("*") if path.is_file()}
    assert {"run.json", "survey.json", "metrics.jsonl", "alarms.jsonl", "film.gif", "neighbours.png"} <= left
    assert "reconstructions.png" in left
    assert any(name.startswith("samples/step-") for name in left)
    assert "checkpoints/step-0000010/checkpoint.json" in left


def test_it_can_be_generated_with_at_once(trained):
    folder, events = trained
    assert events[-1].command == f"aigc generate --modality image -m {folder} -n 16 --grid"
    (artifact,) = generate("image", model=str(folder), seed=1).artifacts
    assert artifact.content.size == (28, 28)


def test_a_training_that_is_dropped_and_resumed_ends_in_the_same_model(tmp_path, monkeypatch):
    monkeypatch.setattr("aigc_core.training.pacing.BETWEEN_CHECKPOINTS", 0.0)
    monkeypatch.setattr("aigc_core.training.pacing.MOST_OF_THE_TIME", 1e9)
    whole, _ = run(order(tmp_path / "a" / "digits"))
    broken, _ = run(order(tmp_path / "b" / "digits"), stop_after=10)
    assert not (broken / "aigc.json").exists()
    # Neither seed nor options need be said again.
    again, events = run(TrainOrder("image/gan", DIGITS, name=str(broken), resume=True))
    started = next(event for event in events if isinstance(event, TrainingStarted))
    assert (started.step, started.steps) == (10, 20)
    assert (again / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()

    def logs(folder):
        rows = (folder / "training" / "metrics.jsonl").read_text().splitlines()
        return [(row["step"], row["logs"]) for row in map(json.loads, rows)]

    assert logs(again) == logs(whole)
    assert not list(broken.parent.rglob(".*tmp"))


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("interrupted") / "digits"
    run(order(folder), stop_after=5)
    return folder


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"options": {**TINY, "width": 8}}, "options"),
        ({"steps": 30}, "steps was 20 and is 30"),
        ({"seed": 5}, "seed was 4 and is 5"),
        ({"component": "image/vae", "options": {}}, "component"),
    ],
)
def test_it_goes_on_with_nothing_but_what_was_asked(interrupted, asked, message):
    component = asked.pop("component", "image/gan")
    with pytest.raises(UsageError, match=message):
        run(TrainOrder(component, DIGITS, name=str(interrupted), resume=True, **asked))


def test_it_goes_on_with_nothing_but_the_same_data(interrupted, tmp_path):
    with np.load(DIGITS) as arrays:
        np.savez(tmp_path / "other.npz", pixels=255 - arrays["pixels"], labels=arrays["labels"])
    with pytest.raises(UsageError, match="the data was"):
        run(TrainOrder("image/gan", tmp_path / "other.npz", name=str(interrupted), resume=True))


def test_an_interrupted_training_is_not_trained_over(interrupted):
    with pytest.raises(UsageError) as error:
        run(order(interrupted))
    assert "--resume" in error.value.hint


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(UsageError, match="no training to resume"):
        run(order(tmp_path / "nothing", resume=True))


def test_minutes_become_steps_once_and_stand_in_the_run(tmp_path):
    folder, events = run(order(tmp_path / "digits", steps=None, minutes=0.15))
    started = next(event for event in events if isinstance(event, TrainingStarted))
    written = json.loads((folder / "training" / "run.json").read_text())
    assert written["steps"] == started.steps == written["finished"]["steps"]
    assert started.steps > 1


def test_the_same_steps_give_the_same_weights_however_long_the_warm_up_was(tmp_path, monkeypatch):
    first, _ = run(order(tmp_path / "a" / "digits", steps=5))
    monkeypatch.setattr("aigc_core.training.estimate.DISCARDED", 1)
    second, _ = run(order(tmp_path / "b" / "digits", steps=5))
    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()


def test_plugins_watch_the_log(tmp_path):
    Path("watcher.py").write_text(
        "from aigc_core import hookimpl\n"
        "@hookimpl\n"
        "def aigc_training_logged(event):\n"
        "    with open('seen.txt', 'a') as file:\n"
        "        print(event.step, event.steps, sorted(event.logs)[0], file=file)\n"
    )
    pipeline = Pipeline(plugins=["watcher.py"])
    train_model("image/vae", DIGITS, name=str(tmp_path / "v"), options=VAE, steps=10, pipeline=pipeline)
    assert Path("seen.txt").read_text().splitlines()[0].startswith("5 10 elbo/")
    assert len(Path("seen.txt").read_text().splitlines()) == 2


def test_large_data_is_not_learnt_whole(tmp_path):
    with np.load(DIGITS) as arrays:
        pixels = np.concatenate([np.roll(arrays["pixels"], shift, axis=3) for shift in range(6)])
    np.savez(tmp_path / "many.npz", pixels=pixels)
    folder = train_model("image/vae", tmp_path / "many.npz", name=str(tmp_path / "v"), options=VAE, steps=5)
    measured = json.loads((folder / "metrics.json").read_text())["evaluation"]
    assert {number["reference"]["split"] for number in measured if number.get("reference")} == {"validation"}
    assert "kept apart" in (folder / "README.md").read_text()


def test_colour_pictures_of_any_size_and_format_are_learnt(tmp_path):
    photos = tmp_path / "photos"
    for label in ("cats", "dogs"):
        (photos / label).mkdir(parents=True)
        for index in range(4):
            shape = (40 + 9 * index, 50, 3)
            pixels = np.random.default_rng(index).integers(0, 256, shape, np.uint8)
            Image.fromarray(pixels).save(photos / label / f"{index}.jpg")
    (photos / "cats" / "note.jpg").write_text("no picture")
    asked = replace(order(tmp_path / "pets", steps=5, size=16), data=photos)
    folder, events = run(asked)
    manifest = json.loads((folder / "aigc.json").read_text())
    assert (manifest["shape"], manifest["labels"]) == ([3, 16, 16], ["cats", "dogs"])
    assert any("skipped" in line for line in events[0].lines)


def test_data_that_cannot_be_learnt_leaves_nothing_behind(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no usable picture"):
        run(replace(order(tmp_path / "x"), data=tmp_path / "empty"))
    assert not (tmp_path / "x").exists()


ILL = """
from pathlib import Path

import torch
from aigc_core import GeneratorSpec, hookimpl
from aigc_image.vae import Vae


class Ill(Vae):
    def loss(self, phase, batch, context):
        if context.step == 12 and Path("now").exists():
            {what}
        return super().loss(phase, batch, context)


@hookimpl
def aigc_generators():
    factory, options = Ill.from_model, "aigc_image.options:VaeOptions"
    return [GeneratorSpec("acme/ill", "image", factory, options=options, trainable=Ill)]
"""


def break_down(what, folder):
    """Train something that breaks down at step 12, once it has really begun."""
    Path("ill.py").write_text(ILL.format(what=what))

    def begin(event):
        if isinstance(event, TrainingStarted):
            Path("now").touch()

    pipeline = Pipeline(plugins=["ill.py"])
    with pytest.raises(AigcError) as error:
        train_model("acme/ill", DIGITS, name=str(folder), options=VAE, steps=20, pipeline=pipeline, on_event=begin)
    assert not (folder / "aigc.json").exists()
    return error.value


def test_without_memory_it_says_what_to_do_and_keeps_its_checkpoint(tmp_path):
    error = break_down("torch.empty(2**50)", tmp_path / "ill")
    assert "not enough memory for batches of 8" in error.message
    assert "accumulate" in error.hint
    assert Checkpoints.read_from(tmp_path / "ill" / "training" / "checkpoints") is not None


def test_a_loss_that_is_no_number_stands_among_the_alarms(tmp_path):
    error = break_down("batch.data.fill_(float('nan'))", tmp_path / "ill")
    assert "not finite at step 12" in error.message
    (alarm,) = map(json.loads, (tmp_path / "ill" / "training" / "alarms.jsonl").read_text().splitlines())
    assert alarm["name"] == "not finite"
