"""``aigc evaluate`` and ``aigc compare``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from aigc_core import Pipeline

FEW = ["-n", "24", "--metric", "frechet", "--metric", "diversity"]


@pytest.fixture(autouse=True)
def calm(one_thread):
    """Work on one thread."""


@pytest.fixture
def data(digits):
    """The digits of the fixture as a file with two parts."""
    order = np.random.default_rng(0).permutation(len(digits))
    arrays = {}
    for split, at in {"train": order[:100], "test": order[100:]}.items():
        arrays |= {f"{split}_pixels": digits.pixels[at], f"{split}_labels": digits.labels[at]}
    np.savez("digits.npz", **arrays)
    return Path("digits.npz")


@pytest.fixture
def mine():
    """A model of one's own."""
    return shutil.copytree(Pipeline().planner.models.find("digits-gan").folder, "mine")


def test_numbers_as_lines_and_talk_beside_them(aigc, data):
    said = aigc("evaluate", "digits-gan", "--data", data, *FEW)
    head, *rows = [line.split("\t") for line in said.out.splitlines()]
    assert head == ["metric", "value", "95 %", "real", "n"]
    assert {row[0] for row in rows} == {"FD(digits-cnn)", "pairwise distance(digits-cnn)"}
    assert all(row[4] == "24" and float(row[1]) > 0 and " … " in row[2] and row[3] for row in rows)
    assert "looked through digits-cnn: the model names it" in said.err
    assert "held against the test part: 100 examples" in said.err
    assert "comes with a plugin and stays as it is; to keep the numbers: --out FILE" in said.err


def test_json_is_one_document_with_every_setting(aigc, data):
    said = aigc("evaluate", "digits-gan", "--data", data, *FEW, "--seed", "3", "--out", "numbers.json", "--json")
    (fd,) = [each for each in said.json["measurements"] if each["metric"] == "frechet"]
    assert (fd["seed"], fd["n"], fd["reference"]["split"]) == (3, 24, "test")
    assert json.loads(Path("numbers.json").read_text()) == said.json
    assert "numbers: numbers.json" in said.err


def test_numbers_go_into_a_folder_of_ones_own(aigc, mine):
    said = aigc("evaluate", f"./{mine}", *FEW[:2], "--metric", "diversity")
    assert "numbers: mine/metrics.json" in said.err
    stored = json.loads(Path("mine/metrics.json").read_text())
    assert [each["name"] for each in stored["evaluation"]] == ["pairwise distance(digits-cnn)"]
    aigc("models", "verify", f"./{mine}")


def test_without_data_it_says_what_data_would_add(aigc):
    said = aigc("evaluate", "digits-vae", "-n", "16")
    assert "FD" not in said.out
    assert "left out: frechet(digits-cnn), kid(digits-cnn), likelihood, manifold(digits-cnn)" in said.err
    assert "needs real examples: --data DATA" in said.err


def test_on_a_terminal_a_table(aigc, at_a_terminal):
    assert "─" in aigc("evaluate", "digits-gan", *FEW[:2], "--metric", "diversity").out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["digits-gna"], 2, "did you mean 'digits-gan'"),
        (["digits-cnn"], 2, "digits-cnn makes nothing"),
        (["digits-gan", "--metric", "frechet"], 2, "frechet(digits-cnn) cannot be worked out: needs real examples"),
        (["digits-gan", "--data", "nowhere"], 1, "nowhere"),
        (["digits-gan", "--embedder", "inception"], 4, "nothing is downloaded"),
        (["digits-gan", "--split", "tets"], 2, "did you mean 'test'"),
        (["digits-gan", "--set", "label=x"], 2, "unknown label of digits-gan 'x'"),
    ],
)
def test_mistakes_have_a_line_and_a_code(aigc, arguments, code, says):
    said = aigc("evaluate", *arguments, *([] if "-n" in arguments else ["-n", "16"]), code=code)
    assert says in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_models_side_by_side(aigc, data):
    said = aigc("compare", "digits-gan", "digits-vae", "--data", data, *FEW, "--samples", "2")
    head, *rows = [line.split("\t") for line in said.out.splitlines()]
    assert head == ["metric", "digits-gan", "digits-vae", "best"]
    (fd,) = [row for row in rows if row[0] == "FD(digits-cnn)"]
    assert fd[3] in ("digits-gan", "digits-vae", "digits-gan ≈ digits-vae")
    page = Path("aigc-compare.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert "side by side: aigc-compare.html" in said.err


def test_numbers_of_different_settings_are_refused_and_the_setting_is_named(aigc):
    for model, n in (("digits-gan", "16"), ("digits-vae", "24")):
        aigc("evaluate", model, "-n", n, "--metric", "diversity", "--out", f"{model}.json")
    said = aigc("compare", "digits-gan.json", "digits-vae.json", "-o", "page.html", "--json", code=2)
    (row,) = said.json["rows"]
    assert row["differing"] == {"n": [16, 24]}
    assert row["leaders"] == []
    assert "pairwise distance(digits-cnn) is not comparable: n differs (16, 24)" in said.err
    assert "measure all alike: --data DATA" in said.err
    assert "not comparable: n differs (16, 24)" in Path("page.html").read_text(encoding="utf-8")


def test_a_file_of_something_else_is_no_evaluation(aigc):
    Path("other.json").write_text("{}")
    said = aigc("compare", "other.json", "digits-gan", code=1)
    assert "give what aigc evaluate --out wrote" in said.err
