"""Numbers in model folders and in files."""

from __future__ import annotations

import json
import shutil

import pytest

import aigc_core
from aigc_core import FileError, Pipeline
from aigc_core.evaluation.store import (
    named_embedder,
    read_evaluation,
    store_evaluation,
    stored_measurements,
    write_evaluation,
)


@pytest.fixture(scope="module")
def evaluation():
    return aigc_core.evaluate("digits-gan", n=16, resamples=5)


@pytest.fixture
def folder(tmp_path):
    """A copy of digits-gan that may be written to."""
    return shutil.copytree(Pipeline().planner.models.find("digits-gan").folder, tmp_path / "mine")


def test_numbers_go_beside_what_training_left_there(folder, evaluation):
    before = json.loads((folder / "metrics.json").read_text())
    store_evaluation(folder, evaluation)
    after = json.loads((folder / "metrics.json").read_text())
    assert {key: after[key] for key in before} == before
    assert stored_measurements(folder) == list(evaluation.measurements)
    assert named_embedder(folder) == "digits-cnn"


def test_the_same_number_replaces_the_old_one_and_others_stay(folder, evaluation):
    store_evaluation(folder, evaluation)
    changed = evaluation.measurements[0].model_copy(update={"value": 99.0})
    more = evaluation.measurements[0].model_copy(update={"n": 17})
    store_evaluation(folder, evaluation.model_copy(update={"measurements": (changed, more)}))
    stored = stored_measurements(folder)
    assert len(stored) == len(evaluation.measurements) + 1
    assert [each.value for each in stored if each.name == changed.name] == [99.0, more.value]


def test_numbers_of_other_weights_are_dropped(folder, evaluation):
    other = evaluation.model.model_copy(update={"sha256": "0" * 64})
    old = [each.model_copy(update={"model": other}) for each in evaluation.measurements]
    store_evaluation(folder, evaluation.model_copy(update={"model": other, "measurements": tuple(old)}))
    store_evaluation(folder, evaluation)
    assert {each.model.sha256 for each in stored_measurements(folder)} == {evaluation.model.sha256}


def test_a_folder_without_numbers_has_none(tmp_path):
    assert stored_measurements(tmp_path) == []
    assert named_embedder(tmp_path) is None


def test_an_evaluation_is_read_as_it_was_written(tmp_path, evaluation):
    assert read_evaluation(write_evaluation(evaluation, tmp_path / "numbers.json")) == evaluation


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format": 2}', "[" * 100_000, '{"model": 3}'])
def test_a_file_of_something_else_is_an_error(tmp_path, content):
    (tmp_path / "numbers.json").write_text(content)
    with pytest.raises(FileError, match=r"numbers\.json"):
        read_evaluation(tmp_path / "numbers.json")


@pytest.mark.parametrize("numbers", [[{"name": "FD"}], 3, ["FD"]])
def test_numbers_that_cannot_be_understood_are_an_error(tmp_path, numbers):
    (tmp_path / "metrics.json").write_text(json.dumps({"evaluation": numbers}))
    with pytest.raises(FileError, match=r"metrics\.json: evaluation"):
        stored_measurements(tmp_path)
