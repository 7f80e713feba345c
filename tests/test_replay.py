"""Replay says IDENTICAL, EQUIVALENT or DIFFERENT, and why; a recipe is untrusted input."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from aigc_core import BlockedError, FileError, ModelError, UsageError, replay_file
from aigc_core.provenance import read, recipe_id, seal, write
from aigc_core.replay import Answer

UNFILTERED = '[moderation]\nskip = ["no-bright"]\n'


@pytest.fixture
def house(pipeline):
    return pipeline(UNFILTERED)


def make(house, **order):
    house.generate("image", model="studio/noise", output="out", **order)
    (path,) = Path("out").glob("*.png")
    return path


def forge(path: Path, change) -> Path:
    """Write the picture again with a changed recipe and a matching id."""
    sealed = read(path)
    recipe = json.loads(json.dumps(dict(sealed.envelope.recipe)))
    change(recipe)
    envelope = replace(sealed.envelope, recipe=recipe, recipe_id=recipe_id(recipe))
    return write(sealed.content, envelope, path.with_name("forged.png"))


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"options": {"size": 12}, "post": ["invert", "resize size=20", "sharpen"]},
        {"candidates": 4, "select": "studio/brightest", "post": ["blur"]},
    ],
)
def test_what_was_made_here_comes_out_identical(house, order):
    result = replay_file(make(house, seed=5, **order), pipeline=house)
    assert result.answer is Answer.IDENTICAL
    assert result.reasons == ()


def test_text_comes_out_identical_without_running_preprocessors_again(house):
    house.generate("text", "lucky", seed=5, model="studio/quote", pre=["dice"], output="out")
    assert replay_file("out/studio-quote-5.txt", pipeline=house).answer is Answer.IDENTICAL


def test_configured_steps_are_not_added_to_a_recipe(house, pipeline):
    path = make(house, seed=5)
    assert (
        replay_file(path, pipeline=pipeline(UNFILTERED + '[pipeline.image]\npost = ["invert"]\n')).answer == "IDENTICAL"
    )


def test_one_changed_pixel_is_different(house):
    path = make(house, seed=5)
    sealed = read(path)
    picture = sealed.content.copy()
    picture.putpixel((3, 3), picture.getpixel((3, 3)) ^ 1)
    write(picture, sealed.envelope, path)
    result = replay_file(path, pipeline=house)
    assert result.answer is Answer.DIFFERENT
    assert "the pixels were changed" in result.reasons[0]


def test_a_changed_recipe_is_different_by_its_id(house):
    path = make(house, seed=5)
    sealed = read(path)
    changed = replace(sealed.envelope, recipe={**sealed.envelope.recipe, "seed": 6})
    write(sealed.content, changed, path)
    result = replay_file(path, pipeline=house)
    assert result.answer is Answer.DIFFERENT
    assert "the recipe was changed" in result.reasons[0]


def test_a_forged_recipe_with_a_matching_id_makes_another_picture(house):
    result = replay_file(forge(make(house, seed=5), lambda recipe: recipe.update(seed=6)), pipeline=house)
    assert result.answer is Answer.DIFFERENT
    assert "pixels differ" in result.reasons[0]
    assert "environment is the same" in result.reasons[1]


def test_a_tiny_difference_is_equivalent_only_in_another_environment(house):
    path = make(house, seed=5)
    near = read(path).content.point(lambda value: min(255, value + 2))
    envelope = seal(read(path).envelope.recipe, near)
    write(near, envelope, path)
    assert replay_file(path, pipeline=house).answer is Answer.DIFFERENT
    write(near, replace(envelope, environment={**envelope.environment, "numpy": "1.0"}), path)
    result = replay_file(path, pipeline=house)
    assert result.answer is Answer.EQUIVALENT
    assert any("numpy was 1.0" in reason for reason in result.reasons)
    far = near.point(lambda value: max(0, value - 9))
    write(far, replace(seal(envelope.recipe, far), environment={"numpy": "1.0"}), path)
    assert replay_file(path, pipeline=house).answer is Answer.DIFFERENT


def test_a_recipe_of_an_unknown_model_says_what_to_do(house):
    def change(recipe):
        recipe["model"] = {"name": "gone", "files": {}, "precision": "float32", "micro_batch": 4}

    with pytest.raises(ModelError, match=r"'gone'.*--model"):
        replay_file(forge(make(house), change), pipeline=house)


def test_a_recipe_that_names_a_path_is_refused(house):
    def change(recipe):
        recipe["generator"]["name"] = "../../etc/passwd"

    with pytest.raises(FileError):
        replay_file(forge(make(house), change), pipeline=house)


def test_a_recipe_with_hostile_options_is_refused_by_the_options_class(house):
    path = forge(make(house, post=["resize size=16"]), lambda recipe: recipe["post"][0]["options"].update(size=10**9))
    with pytest.raises(UsageError, match="size"):
        replay_file(path, pipeline=house)


def test_a_recipe_made_from_an_input_asks_for_it(house):
    path = forge(make(house), lambda recipe: recipe["inputs"].update(photo="0" * 64))
    with pytest.raises(UsageError, match="--input FILE"):
        replay_file(path, pipeline=house)


def test_todays_moderation_looks_at_a_replay(pipeline):
    loose = pipeline(UNFILTERED)
    bright = next(s for s in range(99) if loose.generate("image", model="studio/noise", seed=s)[0].scores["mean"] > 140)
    path = make(loose, seed=bright)
    with pytest.raises(BlockedError, match="no-bright"):
        replay_file(path, pipeline=pipeline("[moderation]\nskip = []\n"))


def test_a_picture_without_a_recipe_is_an_error_that_says_so(house):
    Image.new("L", (4, 4)).save("plain.png")
    with pytest.raises(FileError, match="no recipe"):
        replay_file("plain.png", pipeline=house)


def test_a_recipe_whose_plugin_is_gone_names_it(house):
    from aigc_core import Pipeline, PluginError

    path = make(house, seed=5)
    with pytest.raises(PluginError, match=r"generator 'studio/noise'.*plugin 'studio', version sha256:"):
        replay_file(path, pipeline=Pipeline())
    bare = forge(
        path,
        lambda recipe: recipe["post"].append(
            {"step": "gone", "plugin": "acme", "version": "2", "options": {}, "record": {}}
        ),
    )
    with pytest.raises(PluginError, match=r"postprocessor 'gone'.*plugin 'acme'"):
        replay_file(bare, pipeline=house)
