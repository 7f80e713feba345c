"""Recipes hold together, and a recipe of texts is built into a model folder that writes and is measured."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from aigc_core import TextData, TrainingOptions, train
from aigc_core.models import open_folder

RECIPES = Path(__file__).parents[2] / "recipes"

VERSES = (
    "In the beginning God created the heaven and the earth.",
    "And God said, Let there be light: and there was light.",
    "And God saw the light, that it was good: and God divided the light from the darkness.",
    "And God called the light Day, and the darkness he called Night.",
)


@pytest.fixture
def build(recipe):
    return recipe("build")


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*.toml")))
def test_every_recipe_names_what_there_is_and_has_a_card(build, name):
    recipe = build.load(name)
    assert recipe["card"].startswith("---\nlicense:")
    assert f"# {name}\n" in recipe["card"]
    assert callable(recipe["data"].load)


def test_a_recipe_of_texts_becomes_a_model_folder(build, tmp_path, one_thread):
    recipe = build.load("verses-rnn")
    recipe["folder"] = tmp_path / "verses"
    recipe["data"] = SimpleNamespace(load=lambda part: TextData(VERSES))
    recipe["config"] = recipe["component"].Config(hidden=16, embedding=8, vocabulary=300)
    recipe["training"] = TrainingOptions(steps=4, batch=2, precision="float32", log_every=2)
    examples = build.examples_for(recipe)
    trained = train(recipe["component"], recipe["config"], examples, recipe["training"])

    folder = build.write(recipe, trained, examples)
    build.note_sha256(folder)

    model = open_folder(folder)
    model.verify()
    assert model.manifest.modality == "text"
    assert model.manifest.prompt == "optional"
    assert {"tokenizer.json", "config.json"} <= set(model.files)
    assert len((folder / "samples.txt").read_text(encoding="utf-8").strip()) > 0
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["steps"] == 4
    held_out = metrics["held_out"]
    assert held_out["n"] == len(VERSES)
    assert held_out["tokens"] > len(VERSES)
    assert 0 < held_out["nats_per_token"] < 2 * 5.71  # nothing is learnt in four steps: about log 300
    assert (tmp_path / "SHA256SUMS").read_text() == f"{model.sha256}  verses/aigc.json\n"
