"""`aigc_core.compare`: ranks what is comparable, and says why the rest is not."""

from __future__ import annotations

import html
import shutil

import pytest

import aigc_core
from aigc_core import Measurement, Pipeline, UsageError
from aigc_core.evaluation.comparing import side_by_side
from aigc_core.evaluation.page import page
from aigc_core.evaluation.records import Eye, Range, Source, Subject, differing
from aigc_core.evaluation.store import store_evaluation, write_evaluation


def number(name="FD(eye)", value=1.0, reach=0.1, model="one", **more):
    settings = {
        "better": "lower",
        "n": 100,
        "seed": 0,
        "metric": "frechet",
        "version": "metrics 1, 1",
        "reference": Source(split="test", n=50, sha256="a" * 64),
        "extractor": Eye(name="eye", space_id="eye@1"),
    }
    interval = Range(low=value - reach, high=value + reach, method="told")
    subject = Subject(name=model, sha256=model)
    return Measurement(name=name, model=subject, value=value, interval=interval, **(settings | more))


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"n": 200}, "n"),
        ({"seed": 1}, "seed"),
        ({"version": "metrics 2, 1"}, "version"),
        ({"options": {"subsets": 7}}, "options.subsets"),
        ({"reference": Source(split="test", n=50, sha256="b" * 64)}, "reference.sha256"),
        ({"reference": None}, "reference.sha256"),
        ({"extractor": Eye(name="eye", space_id="eye@2")}, "extractor.space_id"),
        ({"training": Source(split="train", n=5, sha256="c" * 64)}, "training.n"),
    ],
)
def test_a_number_with_another_setting_is_not_ranked_and_the_setting_is_named(change, setting):
    (row,) = side_by_side([[number()], [number(value=5, model="two", **change)]])
    assert setting in row.differing
    assert not row.comparable
    assert row.leaders == ()


def test_value_interval_and_model_are_no_settings():
    assert differing([number(), number(value=2, reach=0.5, model="two", details={"p": 0.1})]) == {}


@pytest.mark.parametrize(
    ("values", "better", "leaders"),
    [
        ((1, 5), "lower", (0,)),
        ((1, 5), "higher", (1,)),
        ((1, 1.15), "lower", (0, 1)),
        ((1, 5, 1.1), "lower", (0, 2)),
        ((1, 5), None, ()),
    ],
)
def test_the_best_leads_with_all_that_it_cannot_be_told_apart_from(values, better, leaders):
    (row,) = side_by_side([[number(value=value, better=better)] for value in values])
    assert row.comparable
    assert row.leaders == leaders


def test_a_number_that_only_one_has_is_shown_and_not_ranked():
    (row,) = side_by_side([[number()], []])
    assert row.measurements[1] is None
    assert (row.comparable, row.leaders) == (False, ())


def test_of_several_settings_those_are_taken_that_both_have():
    one = [number(n=100), number(n=1000, value=0.5)]
    two = [number(n=1000, value=0.7, model="two"), number(n=500, model="two")]
    (row,) = side_by_side([one, two])
    assert [each.n for each in row.measurements] == [1000, 1000]
    (row,) = side_by_side([[number(n=1), number(n=2)], [number(n=3)]])
    assert row.differing == {"n": [2, 3]}


@pytest.fixture(scope="module")
def comparison(parts):
    return aigc_core.compare(["digits-gan", "digits-vae"], parts, n=40, metrics=["frechet", "diversity"], samples=4)


def test_models_are_measured_alike(comparison):
    assert [row.name for row in comparison.rows] == ["FD(digits-cnn)", "pairwise distance(digits-cnn)"]
    assert all(row.comparable for row in comparison.rows)
    assert comparison.as_json()["rows"][0]["comparable"] is True


def test_samples_are_those_of_the_same_seeds(comparison):
    for model, samples in zip(comparison.models, comparison.samples, strict=True):
        made = aigc_core.generate("image", n=4, seed=0, model=model).artifacts
        assert [each.tobytes() for each in samples] == [artifact.content.tobytes() for artifact in made]


def test_the_page_needs_nothing_but_itself(comparison):
    text = page(comparison)
    assert text.count("data:image/png;base64,") == 2
    assert "http" not in text.replace("http-equiv", "")
    assert "<script" not in text
    assert "FD(digits-cnn) ↓" in text


def test_what_moderation_blocks_is_not_on_the_page(studio, monkeypatch):
    monkeypatch.setenv("AIGC_MODERATION_FILTERS", "no-bright")
    pipeline = Pipeline(plugins=[studio])
    made = pipeline.generate("image", n=30, seed=0, model="studio/noise")
    comparison = aigc_core.compare(
        ["studio/noise", "digits-vae"], n=8, metrics=["diversity"], embedders=["random-conv"], pipeline=pipeline
    )
    blank = [sample is None for sample in comparison.samples[0][:30]]
    blocked = {outcome.index for outcome in made.blocked}
    assert blank == [index in blocked for index in range(30)]
    page(comparison)


def test_names_cannot_break_out_of_the_page():
    from aigc_core.evaluation.comparing import Comparison

    evil = "<script>alert(1)</script>"
    rows = side_by_side([[number(name=evil)], [number(name=evil, n=3)]])
    text = page(Comparison((evil, "b"), tuple(rows), ((), ()), 0))
    assert "<script" not in text
    assert html.escape(evil) in text


def test_stored_numbers_and_files_are_compared_without_measuring_again(parts, tmp_path, monkeypatch):
    mine = shutil.copytree(Pipeline().planner.models.find("digits-gan").folder, tmp_path / "mine")
    evaluation = aigc_core.evaluate(str(mine), parts, n=16, metrics=["frechet"])
    store_evaluation(mine, evaluation)
    other = aigc_core.evaluate("digits-vae", parts, n=24, metrics=["frechet"], embedders=["digits-cnn"])
    file = write_evaluation(other, tmp_path / "vae.json")
    comparison = aigc_core.compare([str(mine), str(file)], samples=1)
    (row,) = comparison.rows
    assert row.differing == {"n": [16, 24]}
    assert not comparison.comparable
    assert [len(samples) for samples in comparison.samples] == [1, 0]


def test_what_cannot_be_compared_is_an_error():
    with pytest.raises(UsageError, match="two different models"):
        aigc_core.compare(["digits-gan"])
    with pytest.raises(UsageError, match="two different models"):
        aigc_core.compare(["digits-gan", "digits-gan"])
    with pytest.raises(UsageError, match="none of emoji-gan, emoji-vae has any numbers"):
        aigc_core.compare(["emoji-gan", "emoji-vae"])
