"""``aigc evaluate`` and ``aigc compare`` from outside: numbers with all they depend on, and no false ranking."""

from __future__ import annotations

from pathlib import Path

import pytest

DIGITS = Path(__file__).parents[1] / "fixtures" / "mnist-200.npz"
FEW = ["-n", "60", "--split", "train", "--metric", "frechet", "--metric", "diversity"]


def test_every_number_says_what_it_depends_on(aigc):
    told = aigc("evaluate", "digits-gan", "--data", DIGITS, *FEW, "--seed", "5", "--json").json
    named = {number["name"]: number for number in told["measurements"]}
    distance = named["FD(digits-cnn)"]
    assert distance["n"] == 60
    assert distance["seed"] == 5
    assert distance["interval"]["low"] < distance["interval"]["high"]
    assert len(distance["reference"]["sha256"]) == 64
    assert "digits-cnn" in distance["extractor"]["space_id"]
    again = aigc("evaluate", "digits-gan", "--data", DIGITS, *FEW, "--seed", "5", "--json").json
    assert again["measurements"] == told["measurements"]


def test_without_data_it_says_what_data_would_add(aigc):
    ran = aigc("evaluate", "digits-gan", "-n", "40")
    assert "--data" in ran.err
    assert "pairwise distance" in ran.out


def test_models_stand_side_by_side_and_other_settings_are_not_ranked(aigc):
    aigc("compare", "digits-gan", "digits-vae", "--data", DIGITS, *FEW, "--samples", "4", "-o", "both.html")
    page = (aigc.folder / "both.html").read_text()
    assert "digits-gan" in page
    assert "digits-vae" in page
    assert "http" not in page.replace("http-equiv", "")
    for model, n in (("digits-gan", "60"), ("digits-vae", "40")):
        arguments = ["--data", DIGITS, "--split", "train", "--metric", "frechet", "--out", f"{model}.json"]
        aigc("evaluate", model, "-n", n, *arguments)
    refused = aigc("compare", "digits-gan.json", "digits-vae.json", code=2)
    assert "n" in refused.complaints[-1]


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["evaluate", "digits-gna"], 2, "did you mean 'digits-gan'"),
        (["evaluate", "digits-gan", "--data", "nowhere"], 1, "nowhere"),
        (["evaluate", "digits-gan", "--metric", "frechett"], 2, "frechet"),
        (["evaluate", "digits-gan", "-n", "0"], 2, "0"),
        (["generate", "-m", "digits-cnn"], 2, "digits-cnn"),
    ],
)
def test_what_cannot_be_measured_is_one_line(aigc, arguments, code, said):
    ran = aigc(*arguments, code=code)
    assert said in ran.complaints[-1]
    assert ran.out == ""
