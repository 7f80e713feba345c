"""From one text to another, and variations of a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from aigc_core import FileError, Order, UsageError, replay_file
from aigc_core.provenance import content_digest, read

A, B = "the moon is on the hill", "a ferry goes by in snow"


@pytest.fixture
def house(pipeline):
    return pipeline()


def way(house, **order):
    return house.generate("text", model="studio/poet", interpolate=(A, B), **order)


def test_the_way_goes_from_the_one_to_the_other_in_steps(house):
    texts = [artifact.content for artifact in way(house, frames=4)]
    assert texts[0] == A
    assert texts[-1] == B
    assert texts[1] == "a ferry is on the hill"


def test_all_steps_have_one_seed_and_say_where_they_lie(house):
    made = way(house, seed=5, frames=3)
    assert [artifact.seed for artifact in made] == [5, 5, 5]
    assert [artifact.recipe["between"] for artifact in made] == [0.0, 0.5, 1.0]
    inputs = {"like": content_digest(A), "towards": content_digest(B)}
    assert all(artifact.recipe["inputs"] == inputs for artifact in made)
    assert {artifact.recipe["format"] for artifact in made} == {3}
    assert house.generate("text", model="studio/poet", seed=6)[0].recipe["format"] == 1


def test_every_step_is_replayed_from_the_texts_or_their_files(house):
    way(house, seed=5, frames=3, output="out")
    files = sorted(Path("out").glob("*.txt"))
    assert [file.name for file in files] == [f"studio-poet-5-{index}.txt" for index in range(3)]
    assert [replay_file(file, pipeline=house, inputs=[B, A]).answer for file in files] == ["IDENTICAL"] * 3
    Path("a.txt").write_text(f"{A}\n", encoding="utf-8")  # an editor ends the line
    Path("b.txt").write_text(B, encoding="utf-8")
    assert replay_file(files[1], pipeline=house, inputs=["a.txt", Path("b.txt")]).answer == "IDENTICAL"


def test_a_replay_asks_for_the_texts(house):
    way(house, seed=5, frames=2, output="out")
    with pytest.raises(UsageError, match=r"an input 'towards' .*--input FILE, or a text itself"):
        replay_file("out/studio-poet-5-0.txt", pipeline=house, inputs=[A])
    with pytest.raises(FileError, match="there is no file a sentence that"):
        replay_file("out/studio-poet-5-0.txt", pipeline=house, inputs=["a sentence that was not it"])


def test_the_same_seed_makes_the_same_variation(house):
    varied = [house.generate("text", model="studio/poet", inputs={"like": A}, seed=seed)[0] for seed in (6, 6, 7)]
    assert varied[0].digest == varied[1].digest != varied[2].digest
    assert sum(a != b for a, b in zip(varied[0].content.split(), A.split(), strict=True)) == 1


def test_every_step_is_moderated_and_both_ends_are_request(pipeline):
    house = pipeline('[filters.wordlist]\ndeny = ["ferry"]\n')
    result = way(house, frames=4)
    assert [blocked.stage for blocked in result.blocked] == ["request"] * 4
    assert "inputs.towards" not in str(result.blocked[0].recipe)
    assert result.blocked[0].recipe["inputs"] == {}


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({"interpolate": (A, A)}, "from a piece of content to itself there is no way to go"),
        ({"interpolate": (A, 3)}, "between two seeds or two pieces of content"),
        ({"interpolate": (A, B), "frames": 1}, "1 frames cannot go"),
        ({"interpolate": (A, B), "n": 2}, "no number of items"),
        ({"interpolate": (A, B), "candidates": 2, "select": "studio/longest"}, "no candidates"),
        ({"interpolate": (A, B), "inputs": {"like": A}}, "an interpolation has its own input 'like'"),
        ({"interpolate": (A, "\ud800")}, "'towards' holds half a character"),
        ({"interpolate": (A, B), "seed": -1}, "seed -1 is out of range"),
    ],
)
def test_what_cannot_be_a_way_is_refused(house, order, message):
    with pytest.raises(UsageError, match=message):
        house.generate("text", model="studio/poet", **order)


def test_a_model_that_goes_between_seeds_only_says_which_can_more(house):
    with pytest.raises(UsageError, match=r"studio/noise goes between two seeds.*none is here"):
        house.plan(Order("image", model="studio/noise", interpolate=("3", "nine")))
    with pytest.raises(UsageError, match=r"studio/quote goes between two seeds.*studio/poet"):
        house.plan(Order("text", model="studio/quote", prompt="x", interpolate=(A, B)))


def test_a_text_that_was_changed_and_one_that_comes_out_otherwise_are_different(house):
    house.generate("text", model="studio/poet", seed=6, output="out")
    path = Path("out/studio-poet-6.txt")
    before = path.read_text()
    path.write_text(before + ".")
    changed = replay_file(path, pipeline=house)
    assert (changed.answer, changed.reasons[0][:20]) == ("DIFFERENT", "the text was changed")


def test_where_a_text_parts_from_the_one_made_now_is_said(house):
    from dataclasses import replace

    from aigc_core.provenance import recipe_id, write

    house.generate("text", "the", model="studio/poet", seed=6, output="out")
    sealed = read("out/studio-poet-6.txt")
    recipe = {**sealed.envelope.recipe, "seed": 7}
    write(sealed.content, replace(sealed.envelope, recipe=recipe, recipe_id=recipe_id(recipe)), "forged.txt")
    result = replay_file("forged.txt", pipeline=house)
    assert result.answer == "DIFFERENT"
    assert result.reasons[0] == "the text made now is another from character 5 on"
