"""One way through the house: what goes in, what comes out, and what everybody may rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

import aigc_core
from aigc_core import AigcError, Artifact, Blocked, Failed, ItemError, Order, PluginError, UsageError


def pixels(result):
    return [artifact.content.tobytes() for artifact in result.artifacts]


def noise(pipeline, **order):
    """Make noise pictures with nothing filtered by brightness."""
    return pipeline.generate("image", model="studio/noise", **order)


UNFILTERED = '[moderation]\nskip = ["no-bright"]\n'


def test_a_picture_is_a_pil_image_that_can_be_saved(studio):
    Path("aigc.toml").write_text(f'{UNFILTERED}[plugins]\nload = ["{studio}"]\n')
    result = aigc_core.generate("image", model="studio/noise", n=4, seed=7)
    assert len(result) == 4
    assert result[0].content.size == (8, 8)
    saved = result[0].save("first.png")
    assert saved.read_bytes().startswith(b"\x89PNG")
    assert [artifact.seed for artifact in result] == [7, 8, 9, 10]


def test_item_k_of_a_run_is_the_item_made_alone_with_its_own_seed(pipeline):
    house = pipeline(UNFILTERED)
    together = pixels(noise(house, n=6, seed=100))
    alone = [pixels(noise(house, n=1, seed=100 + k))[0] for k in (5, 0, 3, 2, 4, 1)]
    assert [alone[i] for i in (1, 5, 3, 2, 4, 0)] == together
    assert len(set(together)) == 6


def test_without_a_seed_one_is_drawn_and_told(pipeline):
    house = pipeline(UNFILTERED)
    first = noise(house)
    assert pixels(noise(house, seed=first.seed)) == pixels(first)


def test_steps_run_in_the_order_given_and_leave_their_record(pipeline):
    house = pipeline(UNFILTERED)
    plain = noise(house, seed=3)[0]
    stepped = noise(house, seed=3, post=["invert", ("resize", {"size": 16})])[0]
    assert stepped.content.size == (16, 16)
    assert [step["step"] for step in stepped.recipe["post"]] == ["invert", "resize"]
    assert stepped.recipe["post"][0]["record"] == {"note": "inverted"}
    assert stepped.digest != plain.digest


def test_configured_steps_come_before_those_of_the_call(pipeline):
    house = pipeline(UNFILTERED + '[pipeline.image]\npost = ["invert"]\n')
    made = noise(house, seed=3, post=["scribble"])[0]
    assert [step["step"] for step in made.recipe["post"]] == ["invert", "scribble"]


@pytest.mark.parametrize(
    "toml", ['[pipeline.imgae]\npost = ["invert"]\n', '[defaults]\nimages = "x"\n', '[defaults]\n"imag:prompt" = "x"\n']
)
def test_a_misspelt_modality_in_the_settings_is_an_error_with_its_line(pipeline, toml):
    with pytest.raises(UsageError, match=r"aigc\.toml:[12]: unknown modality.*did you mean 'image'"):
        pipeline(toml)


def test_settings_for_a_modality_that_nobody_brings_here_are_left_alone(pipeline):
    assert pipeline('[pipeline.music]\npost = ["fade"]\n' + UNFILTERED)


def test_what_a_step_paints_over_is_its_own_copy(pipeline):
    seen = {}
    house = pipeline(UNFILTERED)
    noise(house, seed=1, on_event=lambda event: seen.setdefault(type(event).__name__, event))
    made = seen["ArtifactCreated"].artifact
    assert noise(house, seed=1, post=["invert", "invert"])[0].content.tobytes() == made.content.tobytes()


def test_a_step_cannot_change_inputs_options_or_the_request(pipeline):
    from PIL import Image

    photo = Image.new("L", (4, 4), 200)
    given = {"size": 5}
    made = noise(pipeline(UNFILTERED), n=3, seed=1, inputs={"photo": photo}, options=given, post=["vandalise"])
    assert photo.getpixel((0, 0)) == 200
    assert given == {"size": 5}
    assert [artifact.content.getextrema() for artifact in made] == [(7, 7)] * 3
    assert len({artifact.recipe["inputs"]["photo"] for artifact in made}) == 1


def test_a_filter_that_paints_over_its_copy_changes_nothing(pipeline):
    with_filter = pipeline()
    made = noise(with_filter, n=8, seed=0).artifacts
    unfiltered = pipeline(UNFILTERED)
    assert made, "some of eight noise pictures are dim"
    for artifact in made:
        assert noise(unfiltered, seed=artifact.seed)[0].content.tobytes() == artifact.content.tobytes()


def test_a_blocked_item_is_a_typed_result_with_reasons(pipeline):
    result = noise(pipeline(), n=32, seed=0)
    assert result.blocked and result.artifacts
    blocked = result.blocked[0]
    assert blocked.verdict.cause == "no-bright"
    assert blocked.stage == "artifact"
    assert any("mean" in reason for reason in blocked.verdict.reasons)
    with pytest.raises(AigcError, match="was blocked"):
        _ = blocked.content


def test_a_blocked_prompt_stands_in_no_recipe_and_no_ledger_row(pipeline):
    house = pipeline()
    result = house.generate("text", "there is gold here", model="studio/quote", pre=["dice"])
    (blocked,) = result
    assert isinstance(blocked, Blocked)
    assert blocked.stage == "request"
    assert "gold here" not in str(blocked.recipe)
    ledger = house.settings.config.ledger_path
    assert b"gold here" not in b"".join(path.read_bytes() for path in ledger.parent.glob(f"{ledger.name}*"))


def test_prompts_are_preprocessed_with_a_stream_of_their_own(pipeline):
    house = pipeline()
    first = house.generate("text", "lucky number", n=3, seed=5, model="studio/quote", pre=["dice"])
    again = house.generate("text", "lucky number", n=1, seed=6, model="studio/quote", pre=["dice"])
    assert len({artifact.content for artifact in first}) == 3
    assert again[0].content == first[1].content
    assert first[0].recipe["prompt"] == first[0].content


def test_of_several_candidates_the_selector_keeps_one_and_the_recipe_names_it(pipeline):
    house = pipeline(UNFILTERED)
    kept = noise(house, seed=9, candidates=5, select="studio/brightest")[0]
    selection = kept.recipe["selection"]
    means = selection["record"]["means"]
    assert selection["candidates"] == 5
    assert selection["kept"] == means.index(max(means))
    assert round(kept.scores["mean"], 3) == max(means)


def test_candidate_zero_is_what_a_run_without_candidates_makes(pipeline):
    house = pipeline(UNFILTERED)
    made = {
        noise(house, seed=s, candidates=3, select="studio/brightest")[0].recipe["selection"]["kept"]: s
        for s in range(9)
    }
    seed = made[0]
    assert pixels(noise(house, seed=seed)) == pixels(noise(house, seed=seed, candidates=3, select="studio/brightest"))


def test_blocked_candidates_are_left_out_of_the_choice(pipeline):
    result = noise(pipeline(), n=10, seed=0, candidates=4, select="studio/brightest")
    assert result.artifacts
    assert all(artifact.scores["mean"] <= 135 for artifact in result.artifacts)


def test_a_failing_step_fails_its_item_and_names_plugin_version_and_step(pipeline):
    (failed,) = noise(pipeline(UNFILTERED), post=["refuse"])
    assert isinstance(failed, Failed)
    assert "'refuse' (plugin studio sha256:" in failed.error
    assert "no ink" in failed.error
    with pytest.raises(ItemError):
        _ = failed.content


def test_a_failing_step_is_left_out_when_the_configuration_says_so(pipeline):
    seen = []
    house = pipeline(UNFILTERED + '[generate]\non_error = "skip"\n')
    (made,) = noise(house, seed=4, post=["refuse", "invert"], on_event=seen.append)
    assert isinstance(made, Artifact)
    assert [step["step"] for step in made.recipe["post"]] == ["invert"]
    assert [event.step for event in seen if type(event).__name__ == "StepSkipped"] == ["refuse"]


def test_a_step_that_returns_the_wrong_type_is_an_error(pipeline):
    (failed,) = noise(pipeline(UNFILTERED), post=["forget"])
    assert "returned NoneType, not a PIL image" in failed.error


def test_a_step_that_records_what_is_no_json_is_named(pipeline):
    (failed,) = noise(pipeline(UNFILTERED), post=["confide"])
    assert "step 'confide' (plugin studio" in failed.error
    assert "no JSON" in failed.error


def test_a_selector_that_returns_no_index_fails_the_item(pipeline):
    (failed,) = noise(pipeline(UNFILTERED), candidates=2, select="studio/out-of-range")
    assert "returned 2 for 2 candidates" in failed.error


@pytest.mark.parametrize("wrong, message", [("raise", "out of paint"), ("missing", "no result"), ("twice", "twice")])
def test_a_generator_that_breaks_its_contract_ends_the_run(pipeline, wrong, message):
    house = pipeline(UNFILTERED)
    with pytest.raises(PluginError, match=rf"studio/noise.*{message}"):
        noise(house, options={"wrong": wrong})
    (row,) = _ledger(house).runs(1)
    assert row.status == "failed"
    assert message in row.error


def test_a_generator_that_makes_the_wrong_type_fails_the_item(pipeline):
    (failed,) = noise(pipeline(UNFILTERED), options={"wrong": "type"})
    assert "returned str, not a PIL image" in failed.error


def test_ctrl_c_leaves_a_ledger_row_that_says_interrupted(pipeline):
    house = pipeline(UNFILTERED)
    with pytest.raises(KeyboardInterrupt):
        noise(house, options={"wrong": "stop"})
    assert _ledger(house).runs(1)[0].status == "interrupted"


def test_a_consumer_that_stops_listening_interrupts_the_run(pipeline):
    house = pipeline(UNFILTERED)
    events = house.stream(house.plan(Order("image", n=100, model="studio/noise")), output="out")
    for event in events:
        if type(event).__name__ == "ArtifactCreated":
            break
    events.close()
    (row,) = _ledger(house).runs(1)
    assert row.status == "interrupted"
    assert row.created == 1 == len(list(Path("out").iterdir()))


def test_a_run_stands_in_the_ledger_item_by_item(pipeline):
    house = pipeline(UNFILTERED)
    result = noise(house, n=3, seed=11, output="out")
    (row,) = _ledger(house).runs(1)
    assert (row.id, row.status, row.created, row.seed, row.total) == (result.run, "finished", 3, 11, 3)
    items = _ledger(house).items(row.id)
    assert [item.recipe_id for item in items] == [artifact.recipe_id for artifact in result]
    assert all(Path(item.path).is_file() for item in items)


def test_no_file_is_ever_overwritten(pipeline):
    house = pipeline(UNFILTERED)
    noise(house, seed=1, output="out")
    noise(house, seed=1, output="out", post=["invert"])
    assert sorted(path.name for path in Path("out").iterdir()) == ["studio-noise-1-2.png", "studio-noise-1.png"]


@pytest.mark.parametrize(
    "order, message",
    [
        ({"modality": "imag"}, "did you mean 'image'"),
        ({"modality": "image", "model": "studio/nois"}, "did you mean 'studio/noise'"),
        ({"modality": "image", "model": "studio/noise", "options": {"sise": 3}}, "did you mean 'size'"),
        ({"modality": "image", "model": "studio/noise", "options": {"size": 0}}, "greater than or equal to 1, not 0"),
        ({"modality": "image", "model": "studio/noise", "post": ["resise size=3"]}, "did you mean 'resize'"),
        ({"modality": "image", "model": "studio/noise", "post": ["shout"]}, "is for text, not for image"),
        ({"modality": "image", "model": "studio/noise", "prompt": "a cat"}, "takes no prompt"),
        ({"modality": "image", "model": "studio/noise", "pre": ["dice"]}, "nothing to preprocess"),
        ({"modality": "image", "model": "studio/noise", "n": 0}, "0 items"),
        ({"modality": "image", "model": "studio/noise", "n": 10**9}, "1,000,000"),
        ({"modality": "image", "model": "studio/noise", "candidates": 3}, "need a selector"),
        ({"modality": "image", "model": "studio/noise", "seed": -1}, "out of range"),
        ({"modality": "image", "model": "studio/noise", "seed": 2**63}, "out of range"),
        ({"modality": "text", "model": "studio/quote"}, "needs a prompt"),
        ({"modality": "text", "model": "studio/quote", "prompt": "half \udcff"}, "the prompt holds half a character"),
        ({"modality": "text", "model": "studio/poet", "inputs": {"like": "\ud800"}}, "'like' holds half a character"),
        ({"modality": "text", "model": "studio/noise"}, "makes image, not text"),
        ({"modality": "image", "model": "./nowhere/"}, "no model folder"),
    ],
)
def test_a_wrong_order_is_refused_before_anything_is_made(pipeline, order, message):
    house = pipeline(UNFILTERED)
    with pytest.raises(UsageError, match=message):
        house.generate(**order, output="out")
    assert not Path("out").exists() or not list(Path("out").iterdir())


def _ledger(house):
    from aigc_core.runs import Ledger

    return Ledger(house.settings.config.ledger_path)


def test_a_modality_whose_plugin_is_left_out_says_so():
    house = aigc_core.Pipeline(disable=["image"], safe=True)
    with pytest.raises(PluginError, match=r"modality 'image' is missing: plugin image .* is disabled"):
        house.generate("image")
