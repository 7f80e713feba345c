"""The bundled emoji models: whole, small, credited, and what they make looks like emoji."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aigc_core import Pipeline

NAMES = ["emoji-gan", "emoji-vae"]
ROOT = Path(__file__).parents[2]
GROUPS = ("smileys", "people", "animals", "food", "travel", "activities", "objects", "symbols")


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture
def model(name):
    return Pipeline().planner.models.find(name)


def make(name, **order):
    return Pipeline().generate("image", model=name, **order)


def arrays(result):
    return np.stack([np.asarray(artifact.content, dtype=np.float64) / 255 for artifact in result])  # (N, H, W, C)


def test_every_file_is_what_its_hash_says_and_no_folder_is_larger_than_6_mb(model, name):
    model.verify()
    assert model.spec is not None
    assert (model.name, model.spec.name) == (name, name)
    assert sum(file.stat().st_size for file in model.folder.iterdir()) <= 6_000_000


def test_the_card_credits_the_artists_and_says_what_was_kept_from_training(model):
    _, header, text = (model.folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    assert "license: apache-2.0" in header.splitlines()
    for credit in (
        "Noto Emoji",
        "Twemoji",
        "CC-BY 4.0",
        "Twitter, Inc. and other contributors",
        "Fluent Emoji 3D",
        "MIT",
    ):
        assert credit in text
    assert "validation and test" in text
    with Image.open(model.folder / "samples.png") as sheet:
        assert min(sheet.size) >= 500


def test_the_recipe_builds_what_the_folder_holds(model, name):
    recipe = tomllib.loads((ROOT / "recipes" / f"{name}.toml").read_text(encoding="utf-8"))
    assert recipe["component"] == model.manifest.component
    spec = Pipeline().registry.generators[recipe["component"]].spec
    module, _, component = spec.trainable.partition(":")
    config = getattr(import_module(module), component).Config
    assert config(**recipe["config"]) == config(**model.options)
    assert (model.folder / "README.md").read_text(encoding="utf-8").strip() == recipe["card"].strip()


def test_emoji_are_what_is_made_where_nobody_names_a_model():
    (made,) = Pipeline().generate("image", n=1, seed=0)
    assert made.recipe["model"]["name"] == "emoji-gan"
    assert (made.content.mode, made.content.size) == ("RGB", (64, 64))


def test_an_item_is_the_same_alone_or_among_others(name):
    together = [artifact.content.tobytes() for artifact in make(name, n=18, seed=7)]
    assert len(set(together)) == 18
    assert [make(name, n=1, seed=7 + k)[0].content.tobytes() for k in (0, 17)] == [together[k] for k in (0, 17)]


def test_something_colourful_stands_on_white(name):
    made = arrays(make(name, n=48, seed=0))
    corners = made[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(axis=-1)  # (N, 4)
    middle = made[:, 24:40, 24:40]
    assert (corners > 0.9).mean() > 0.6
    assert (middle < 0.9).any(axis=-1).mean() > 0.6
    assert made.max(axis=-1).mean() - made.min(axis=-1).mean() > 0.1  # colours, not greys


def test_the_group_asked_for_is_the_group_made():
    yellow = {}
    for group in GROUPS:
        red, green, blue = np.moveaxis(arrays(make("emoji-gan", n=16, seed=0, options={"label": group})), -1, 0)
        yellow[group] = ((red > 0.8) & (green > 0.5) & (blue < 0.5)).mean()
    assert max(yellow, key=yellow.get) == "smileys"
