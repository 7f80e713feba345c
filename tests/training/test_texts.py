"""A training of texts from data to model folder: the same ways, with texts in the place of pictures."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from aigc_core import UsageError, evaluate, generate, train_model
from aigc_core.events import CheckpointWritten, DataSurveyed, TrainingStarted
from aigc_core.pipeline import Pipeline
from aigc_core.training.plan import TrainOrder, TrainPlanner
from aigc_core.training.resume import plan_training
from aigc_core.training.run import TrainingRun

FIXTURES = Path(__file__).parents[1] / "fixtures"
POEMS, VERSES = FIXTURES / "quatrains-200.txt", FIXTURES / "verses-300.txt"
TINY = {"hidden": 16, "embedding": 8, "log_every": 5, "batch": 8}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A language model of poems, trained for ten steps, and what happened."""
    folder = tmp_path_factory.mktemp("trained") / "tiny-poems"
    events = []
    train_model("text/rnn", POEMS, name=str(folder), options=TINY, steps=10, seed=3, on_event=events.append)
    return folder, events


def run(asked, stop_after=None):
    """Train; where `stop_after` is given, until that many steps are in a checkpoint, and then drop everything."""
    pipeline = Pipeline()
    plan = plan_training(asked, TrainPlanner(pipeline.registry, pipeline.settings.config))
    events = []
    with closing(TrainingRun(plan, pipeline).events()) as stream:
        for event in stream:
            events.append(event)
            if stop_after and isinstance(event, CheckpointWritten) and event.step >= stop_after:
                break
    return plan.folder, events


def test_it_says_what_it_found(trained):
    _, events = trained
    told = "\n".join(next(event for event in events if isinstance(event, DataSurveyed)).lines)
    assert "200 usable texts of 200 found" in told and "CJK 100%" in told
    assert "learning from 200 texts" in told


def test_the_folder_holds_what_belongs_to_a_model_of_texts(trained):
    folder, _ = trained
    names = {path.name for path in folder.iterdir()}
    assert {"aigc.json", "model.safetensors", "tokenizer.json", "config.json", "README.md", "samples.txt"} <= names
    assert "samples.png" not in names
    manifest = json.loads((folder / "aigc.json").read_text())
    assert {"model.safetensors", "tokenizer.json"} <= manifest["files"].keys()
    card = (folder / "README.md").read_text()
    assert "pipeline_tag: text-generation" in card and "200 texts from `quatrains-200.txt`" in card
    assert "[samples.txt](samples.txt)" in card and "pictures" not in card


def test_the_run_folder_and_the_report_hold_texts(trained):
    folder, _ = trained
    left = {path.name for path in (folder / "training").rglob("*") if path.is_file()}
    assert {"step-0000010.txt", "neighbours.txt", "survey.json", "metrics.jsonl"} <= left
    assert "film.gif" not in left
    report = (folder / "report.html").read_text()
    assert "Fixed-seed samples at step 10" in report and "stands in training texts" in report


def test_it_can_be_generated_with_at_once(trained):
    folder, events = trained
    assert events[-1].command == f"aigc generate --modality text -m {folder} -n 4"
    first, again = (generate("text", model=str(folder), n=2, seed=1).artifacts for _ in range(2))
    assert [one.content for one in first] == [one.content for one in again]
    assert first[0].content != first[1].content


def test_what_was_learnt_from_can_be_evaluated(trained):
    folder, _ = trained
    found = {one.name: one for one in evaluate(str(folder), POEMS, n=16).measurements}
    assert found["bits per byte"].value > 0
    assert found["bits per byte"].reference.split == "test"


@pytest.mark.parametrize(
    ("component", "data", "options"),
    [
        ("text/rnn", POEMS, TINY),
        ("text/rnn", VERSES, {**TINY, "layout": "stream", "window": 8, "dropout": 0.2, "weight_dropout": 0.2}),
        ("text/vae", POEMS, {"hidden": 16, "embedding": 8, "latent_dim": 4, "log_every": 5, "batch": 8}),
    ],
    ids=["documents", "stream", "vae"],
)
def test_a_training_that_is_dropped_and_resumed_ends_in_the_same_model(tmp_path, monkeypatch, component, data, options):
    monkeypatch.setattr("aigc_core.training.pacing.BETWEEN_CHECKPOINTS", 0.0)
    monkeypatch.setattr("aigc_core.training.pacing.MOST_OF_THE_TIME", 1e9)
    asked = {"options": options, "steps": 20, "seed": 4}
    whole, _ = run(TrainOrder(component, data, name=str(tmp_path / "a" / "texts"), **asked))
    broken, _ = run(TrainOrder(component, data, name=str(tmp_path / "b" / "texts"), **asked), stop_after=10)
    again, events = run(TrainOrder(component, data, name=str(broken), resume=True))
    started = next(event for event in events if isinstance(event, TrainingStarted))
    assert (started.step, started.steps) == (10, 20)
    for file in ("model.safetensors", "tokenizer.json"):
        assert (again / file).read_bytes() == (whole / file).read_bytes()


def test_resuming_with_other_texts_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("aigc_core.training.pacing.BETWEEN_CHECKPOINTS", 0.0)
    folder, _ = run(
        TrainOrder("text/rnn", POEMS, name=str(tmp_path / "poems"), options=TINY, steps=20, seed=4), stop_after=5
    )
    with pytest.raises(UsageError, match="the data was"):
        run(TrainOrder("text/rnn", VERSES, name=str(folder), resume=True))


def test_steps_before_leave_texts_out_and_stand_in_the_command(tmp_path):
    folder, _ = run(
        TrainOrder(
            "text/rnn", VERSES, name=str(tmp_path / "short"), options=TINY, pre=("length max=80",), steps=2, seed=4
        )
    )
    survey = json.loads((folder / "training" / "survey.json").read_text())
    assert 0 < survey["usable"] < 300
    assert survey["skipped"][0]["count"] == 300 - survey["usable"]
    assert "--pre 'length max=80'" in json.loads((folder / "training" / "run.json").read_text())["command"]


def test_a_model_is_fine_tuned_with_its_own_tokenizer(trained, tmp_path):
    base, _ = trained
    folder, _ = run(
        TrainOrder(
            "text/rnn", POEMS, name=str(tmp_path / "tuned"), base=str(base), options={"log_every": 1, "batch": 4},
            steps=3, seed=5, rehearse=0.3,
        )
    )  # fmt: skip
    assert (folder / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()
    assert "It started from the model" in (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"size": 32}, "--size is for pictures"),
        ({"options": {"unit": "word"}}, "unit"),
        ({"options": {"untis": "line"}}, "untis"),
        ({"pre": ("nothing-of-the-kind",)}, "nothing-of-the-kind"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_read(tmp_path, asked, message):
    with pytest.raises(UsageError, match=message):
        run(TrainOrder("text/rnn", tmp_path / "nowhere.txt", name=str(tmp_path / "one"), **asked))


def test_steps_before_are_for_texts(tmp_path):
    with pytest.raises(UsageError, match="--pre prepares texts"):
        run(TrainOrder("image/vae", FIXTURES / "mnist-200.npz", name=str(tmp_path / "one"), pre=("length",)))
