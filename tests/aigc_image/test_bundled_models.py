"""The bundled models: whole, small, described, and they make digits."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_core import Pipeline

NAMES = ["digits-gan", "digits-vae", "digits-ae"]
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture
def model(name):
    return Pipeline().planner.models.find(name)


def make(name, **order):
    return Pipeline().generate("image", model=name, **order)


def pixels(result):
    return [artifact.content.tobytes() for artifact in result]


def arrays(result):
    return np.stack([np.asarray(artifact.content, dtype=np.float64).ravel() for artifact in result])


def distances(pictures, digits):
    """Return squared distances ``(N, 200)`` between pictures and the digits of the fixture."""
    known = digits.pixels.reshape(len(digits), -1).astype(np.float64)
    return ((pictures[:, None] - known[None]) ** 2).sum(axis=2)


def read_as(pictures, digits):
    """Say which digit each picture shows: that of the nearest real one, out of 200."""
    return digits.labels[distances(pictures, digits).argmin(axis=1)]


def test_every_file_is_what_its_hash_says_and_the_folder_is_what_the_plugin_declares(model, name):
    model.verify()
    assert model.spec is not None
    assert (model.name, model.spec.name) == (name, name)
    assert model.manifest.licence == model.spec.licence == "Apache-2.0"


def test_the_weights_are_at_most_a_megabyte(model):
    assert (model.folder / "model.safetensors").stat().st_size <= 1_000_000


def test_the_card_names_the_licence_and_the_data(model):
    _, header, text = (model.folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    assert "license: apache-2.0" in header.splitlines()
    assert "training digits of MNIST" in text
    assert "samples.png" in text


def test_the_folder_shows_what_the_model_makes(model):
    with Image.open(model.folder / "samples.png") as sheet:
        sheet.load()
        assert min(sheet.size) >= 280


def test_the_recipe_builds_what_the_folder_holds(model, name):
    recipe = tomllib.loads((ROOT / "recipes" / f"{name}.toml").read_text(encoding="utf-8"))
    assert recipe["component"] == model.manifest.component
    spec = Pipeline().registry.generators[recipe["component"]].spec
    module, _, component = spec.trainable.partition(":")
    config = getattr(import_module(module), component).Config
    # The folder may be older than an option, which then has its default: what it did before.
    assert config(**recipe.get("config", {})) == config(**model.options)


def test_pictures_are_small_and_grey(name):
    assert {(made.content.mode, made.content.size) for made in make(name, n=3, seed=0)} == {("L", (28, 28))}


def test_an_item_is_the_same_alone_or_among_others_on_any_threads(name):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        together = pixels(make(name, n=18, seed=7))
        torch.set_num_threads(2)
        assert pixels(make(name, n=18, seed=7)) == together
        assert [pixels(make(name, n=1, seed=7 + k))[0] for k in (0, 11, 17)] == [together[k] for k in (0, 11, 17)]
    finally:
        torch.set_num_threads(before)


def test_the_digit_asked_for_is_the_digit_made(digits):
    correct = [
        read_as(arrays(make("digits-gan", n=20, seed=100 * label, options={"label": label})), digits) == label
        for label in range(10)
    ]
    # The nearest of 200 real digits is right for about four real ones in five; a label at random for one in ten.
    assert np.mean(correct) > 0.6
    assert np.mean(correct, axis=1).min() > 0.2


def test_no_picture_is_made_twice(name):
    assert len(set(pixels(make(name, n=64, seed=0)))) == 64


def test_pictures_are_as_sharp_as_real_digits_and_as_near_to_them(name, digits):
    made = arrays(make(name, n=100, seed=0))
    real = digits.pixels.reshape(len(digits), -1).astype(np.float64)
    assert share_of_ink(made) == pytest.approx(share_of_ink(real), rel=0.25)
    assert share_of_grey(made) < 2 * share_of_grey(real)
    apart = distances(real, digits)
    np.fill_diagonal(apart, np.inf)
    assert np.median(distances(made, digits).min(axis=1)) < 1.25 * np.median(apart.min(axis=1))


def test_all_ten_digits_are_made(name, digits):
    said = np.bincount(read_as(arrays(make(name, n=100, seed=0)), digits), minlength=10)
    assert said.min() >= 1
    assert said.max() <= 35


def share_of_ink(pictures):
    return pictures.mean() / 255


def share_of_grey(pictures):
    """Return how much of what is not black is neither dark nor bright: mush is grey."""
    return ((pictures > 64) & (pictures < 192)).sum() / (pictures > 32).sum()
