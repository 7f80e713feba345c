"""``aigc train``: options may follow the data, with or without --set."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def train(aigc):
    """Run ``aigc train`` on two pictures, with an option that is refused before anything is learnt."""
    Path("photos").mkdir()
    for index in range(2):
        Image.new("L", (16, 16), 90 * index).save(f"photos/{index}.png")
    return lambda *words, code=2: aigc("train", "image/gan", "photos", *words, code=code).err


@pytest.mark.parametrize(
    "words",
    [
        ["--set", "widht=3"],
        ["widht=3"],
        ["--set", "steps=5", "widht=3"],
        ["--steps", "5", "widht=3", "--seed", "1"],
    ],
    ids=" ".join,
)
def test_a_word_after_the_data_is_an_option(train, words):
    assert "option of image/gan 'widht' (did you mean 'width'?)" in train(*words)


def test_an_option_given_twice_is_refused_wherever_it_stands(train):
    assert "--set width is given twice" in train("--set", "width=3", "width=4")


@pytest.mark.parametrize("word", ["more-photos", "./b.zip"])
def test_a_word_that_is_no_option_is_told(train, word):
    assert f"unexpected word {word!r} after the data (further words are options: KEY=VALUE)" in train(word)
