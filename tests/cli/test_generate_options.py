"""``aigc generate``: what its options turn into, and what is told at the end."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def generate(aigc, studio, monkeypatch):
    """Run ``aigc generate`` with the studio plugin, whose filter of bright pictures is left out."""
    monkeypatch.setenv("AIGC_MODERATION_SKIP", "no-bright")

    def run(*arguments, code=0, model="studio/noise"):
        return aigc("generate", "--plugin", studio, "-m", model, *arguments, code=code)

    return run


def test_modality_follows_from_the_model(generate):
    assert generate("--json").json["modality"] == "image"
    assert generate("be brief", "--json", model="studio/quote").json["modality"] == "text"


def test_modality_that_is_not_the_models(generate):
    assert "studio/noise makes image, not text" in generate("--modality", "text", code=2).err


def test_set_is_typed_by_the_option(generate):
    from PIL import Image

    item = generate("--set", "size=31", "--seed", "1", "--json").json["items"][0]
    with Image.open(item["file"]) as picture:
        assert picture.size == (31, 31)
    assert "size" in generate("--set", "size=31.5", code=2).err


def test_text_is_written_as_text(generate):
    item = generate("字 and words", "--seed", "3", "--json", model="studio/quote").json["items"][0]
    assert Path(item["file"]).read_text(encoding="utf-8") == "字 and words"
    assert Path(item["file"]).name == "studio-quote-3.txt"


def test_prompt_that_begins_with_a_dash(generate):
    said = generate("--json", "--seed", "3", "--", "-n is no option here", model="studio/quote")
    file = said.json["items"][0]["file"]
    assert Path(file).read_text(encoding="utf-8") == "-n is no option here"


def test_prompt_that_is_required(generate):
    assert "studio/quote needs a prompt" in generate(code=2, model="studio/quote").err


def test_table_is_tab_separated(generate):
    assert generate("-n", "2", "--seed", "5", "-o", "x").out == (
        "file\tseed\nx/studio-noise-5.png\t5\nx/studio-noise-6.png\t6\n"
    )


def test_blocked_items_are_told_with_the_reason(generate):
    said = generate("all gold", "--seed", "3", model="studio/quote", code=3)
    assert said.out == "file\tseed\ttext\n"
    assert "item 0 (seed 3) blocked: no-gold: speaks of gold" in said.err
    assert "0 made, 1 blocked with studio/quote" in said.err
    told = generate("all gold", "--json", model="studio/quote", code=3).json
    assert (told["blocked"], told["items"][0]["status"]) == (1, "blocked")
    assert told["items"][0]["reason"] == "no-gold: speaks of gold"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-n", "3"], 0),
        (["-n", "3", "--post", "refuse"], 1),  # none was made
        (["-n", "3", "--set", "wrong=raise"], 4),
        (["-n", "3", "--set", "wrong=type"], 1),
        (["-n", "9", "--post", "sometimes"], 5),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_exit_code(generate, tmp_path, arguments, code):
    sometimes = tmp_path / "sometimes.py"
    sometimes.write_text(
        "from aigc_core import StepSpec, hookimpl\n"
        "def sometimes(picture, context):\n"
        "    return picture if context.request.seed % 2 else None\n"
        "@hookimpl\ndef aigc_postprocessors():\n    return [StepSpec('sometimes', 'image', sometimes)]\n"
    )
    generate("--seed", "1", "--plugin", sometimes, *arguments, code=code)


def test_exit_code_of_a_run_with_blocked_items(generate, monkeypatch):
    monkeypatch.delenv("AIGC_MODERATION_SKIP")
    told = generate("-n", "40", "--seed", "0", "--json", code=3).json
    assert told["created"] > 0
    assert told["blocked"] > 0


def test_interrupted(generate):
    said = generate("-n", "5", "--seed", "9", "--set", "wrong=stop", code=130)
    assert "interrupted: 0 of 5 done; go on with the same command and --seed 9 -n 5" in said.err


def test_contact_sheet_shows_all(generate):
    from PIL import Image

    from aigc_core.provenance import read

    told = generate("-n", "5", "--seed", "1", "--grid", "--json").json
    sheet = read(told["sheet"]).sheet
    assert [entry["seed"] for entry in sheet] == [1, 2, 3, 4, 5]
    assert [entry["id"] for entry in sheet] == [item["recipe"] for item in told["items"]]
    with Image.open(told["sheet"]) as picture:
        assert picture.width >= 3 * 8


def test_no_sheet_of_nothing(generate):
    told = generate("--grid", "--json", "--post", "caption text=gold", code=3).json
    assert (told["blocked"], told["sheet"]) == (1, None)


def test_on_a_terminal_pictures_are_shown_and_the_table_is_short(generate, at_a_terminal):
    said = generate("-n", "30", "--seed", "1", "--set", "size=4", "--post", "crop width=2 height=2")
    assert "▀" in said.out
    assert "studio-noise-1.png" in said.out.replace("\n", "")
    assert "… and " in said.err
    assert "30 made" in said.err


def test_quiet_shows_no_pictures(generate, at_a_terminal):
    assert "▀" not in generate("-q").out


def test_interpolation_is_told_frame_by_frame_with_film_and_sheet(generate):
    told = generate("--interpolate", "3", "9", "--frames", "3", "-o", "x")
    assert told.out == (
        "file\tt\nx/studio-noise-3-9-0.png\t0\nx/studio-noise-3-9-1.png\t0.5\nx/studio-noise-3-9-2.png\t1\n"
    )
    assert "contact sheet: x/studio-noise-3-9-grid.png" in told.err
    assert "film: x/studio-noise-3-9-film.gif" in told.err
    assert len(list(Path("x").iterdir())) == 5


def test_interpolation_as_json(generate):
    from aigc_core.provenance import read

    told = generate("--interpolate", "3", "9", "--json").json
    assert (told["interpolate"], told["created"]) == ([3, 9], 16)
    assert "seed" not in told
    assert [item["noise"]["t"] for item in told["items"]] == [index / 15 for index in range(16)]
    sheet = read(told["sheet"]).sheet
    assert [item["noise"] for item in sheet] == [item["noise"] for item in told["items"]]
    assert [item["id"] for item in sheet] == [item["recipe"] for item in told["items"]]
    assert Path(told["film"]).read_bytes().startswith(b"GIF89a")


def test_interpolation_of_texts_has_no_film(generate):
    told = generate("be brief", "--interpolate", "3", "9", "--frames", "2", "--json", model="studio/quote").json
    assert (told["sheet"], told["film"], told["created"]) == (None, None, 2)


def test_interpolation_on_a_terminal_shows_the_first_frames(generate, at_a_terminal):
    told = generate("--interpolate", "3", "9", "--frames", "20", "-o", "x")
    assert "studio-noise-3-9-15.png" in told.out
    assert "studio-noise-3-9-16.png" not in told.out
    assert "and 4 more" in told.err


def test_frames_that_moderation_blocks_are_left_out_of_the_film(aigc, studio):
    from PIL import Image

    order = ("--plugin", studio, "-m", "studio/noise", "--interpolate", "0", "1", "--frames", "40", "--json")
    told = aigc("generate", *order, code=3).json
    assert 0 < told["created"] < 40
    with Image.open(told["film"]) as film:
        assert film.n_frames == told["created"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--interpolate", "3", "9", "-n", "4"], "--interpolate and -n exclude each other (say how many frames"),
        (["--interpolate", "3", "9", "--seed", "4"], "--interpolate and --seed exclude each other"),
        (["--interpolate", "3", "3"], "from seed 3 to seed 3 there is no way to go"),
        (["--interpolate", "3", "9", "--frames", "1"], "1 frames cannot go"),
        (["--interpolate", "3"], "requires 2 arguments"),
        (["--interpolate", "3", "nine"], "--interpolate"),
        (["--frames", "4"], "--frames belongs to --interpolate"),
        (["--strength", "0.5"], "--strength belongs to --like"),
    ],
)
def test_options_that_do_not_go_together(generate, arguments, message):
    assert message in generate(*arguments, code=2).err


def test_a_picture_to_be_like_that_is_not_there(generate):
    assert "there is no file gone.png" in generate("--like", "gone.png", code=1).err


def test_a_picture_to_be_like_for_a_generator_that_takes_none(generate):
    item = generate("--seed", "3", "--json").json["items"][0]
    told = generate("--like", item["file"], code=2).err
    assert "studio/noise cannot encode pictures (models that can: digits-ae, digits-vae" in told
