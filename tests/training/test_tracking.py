"""The log of a training: a line a row, and nothing twice after a crash."""

from __future__ import annotations

import json

import pytest

from aigc_core import FileError
from aigc_core.training.tracking import Lines, TensorBoard, read_lines

ROW = {"seconds": 1.0, "examples_per_second": 50.0, "lr": 1e-3}


def row(step, loss=0.5):
    return {"step": step, **ROW, "logs": {"elbo/loss": loss}}


def test_rows_are_there_as_soon_as_they_are_written(tmp_path):
    lines = Lines(tmp_path / "metrics.jsonl", 0)
    lines.log(row(100))
    assert [each["step"] for each in read_lines(tmp_path / "metrics.jsonl")] == [100]


def test_what_is_no_number_is_null(tmp_path):
    lines = Lines(tmp_path / "metrics.jsonl", 0)
    lines.log(row(100, float("nan")))
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["logs"] == {"elbo/loss": None}


def test_a_resumed_training_forgets_the_rows_that_it_takes_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = Lines(path, 0)
    for step in (100, 200, 300):
        lines.log(row(step))
    with path.open("a") as file:
        file.write('{"step": 400, "sec')  # killed in the middle of a line
    again = Lines(path, 200)
    again.log(row(300, 0.25))
    assert [(each["step"], each["logs"]["elbo/loss"]) for each in read_lines(path)] == [
        (100, 0.5),
        (200, 0.5),
        (300, 0.25),
    ]


def test_a_broken_line_in_the_middle_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\nrubbish\n{"step": 2}\n')
    with pytest.raises(FileError, match=r"metrics\.jsonl, line 2"):
        Lines(path, 0)


def test_tensorboard_reads_what_was_logged(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = TensorBoard(tmp_path, 0)
    board.log(row(100))
    board.log(row(200, 0.25))
    board.close()
    seen = EventAccumulator(str(tmp_path / "tensorboard"))
    seen.Reload()
    assert [(event.step, event.value) for event in seen.Scalars("elbo/loss")] == [(100, 0.5), (200, 0.25)]
    assert set(seen.Tags()["scalars"]) == {"elbo/loss", "lr", "examples_per_second"}
