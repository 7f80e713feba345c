"""The split of the emoji by concept: what counts as the same thing, and which part it falls into."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

RECIPE = Path(__file__).parents[2] / "recipes" / "emoji.py"


@pytest.fixture(scope="module")
def emoji() -> ModuleType:
    """The recipe's module; recipes are scripts, and stand in no package."""
    spec = importlib.util.spec_from_file_location("emoji", RECIPE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "code, concept",
    [
        ("1F600", "1F600"),
        ("2764-FE0F", "2764"),
        ("1F44B-1F3FD", "1F44B"),
        ("1F468-1F3FD-200D-1F692", "1F9D1-200D-1F692"),
        ("1F3C3-1F3FF-200D-2640-FE0F-200D-27A1-FE0F", "1F3C3"),
        ("1F469-200D-1F469-200D-1F466", "1F9D1-200D-1F9D1-200D-1F466"),
        ("2640-FE0F", "2640"),  # the sign itself is a concept
    ],
)
def test_skin_tone_gender_and_direction_change_no_concept(emoji, code, concept):
    assert emoji.concept(code) == concept


def test_every_variant_of_a_concept_falls_into_one_part(emoji):
    for person in ("1F9D1", "1F468", "1F469"):
        parts = {
            emoji.part_of(emoji.concept(f"{person}{tone}-200D-1F680")) for tone in ("", "-1F3FB", "-1F3FC", "-1F3FF")
        }
        assert parts == {emoji.part_of("1F9D1-200D-1F680")}


def test_about_a_tenth_is_for_validation_and_a_tenth_for_tests(emoji):
    parts = [emoji.part_of(f"{number:X}") for number in range(5000)]
    assert 0.08 < parts.count("validation") / 5000 < 0.12
    assert 0.08 < parts.count("test") / 5000 < 0.12


def test_of_people_the_yellow_one_and_a_few_skin_tones_are_kept(emoji):
    tones = [f"1F44B-{tone}" for tone in emoji.TONES]
    assert emoji._kept("noto", "1F44B")
    assert sum(emoji._kept("noto", code) for code in tones) == emoji.TONES_KEPT
    assert not emoji._kept("noto", "1F9D1-1F3FB-200D-1F91D-200D-1F9D1-1F3FF")


def test_rare_groups_are_repeated_and_every_other_time_mirrored_but_for_symbols(emoji):
    pixels = np.arange(2 * 3 * 2 * 2, dtype=np.uint8).reshape(2, 3, 2, 2)
    labels = np.array([emoji.LABELS.index("travel"), emoji.LABELS.index("symbols")])
    repeated, repeated_labels = emoji._repeated(pixels, labels)
    assert repeated_labels.tolist() == [*labels, *labels]
    assert (repeated[2] == pixels[0, :, :, ::-1]).all()
    assert (repeated[3] == pixels[1]).all()
