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
    assert said.out == "file\tseed\n"
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
    told = generate("gold", "--grid", "--json", model="studio/quote", code=3).json
    assert told["sheet"] is None


def test_on_a_terminal_pictures_are_shown_and_the_table_is_short(generate, at_a_terminal):
    said = generate("-n", "30", "--seed", "1", "--set", "size=4", "--post", "crop width=2 height=2")
    assert "▀" in said.out
    assert "studio-noise-1.png" in said.out.replace("\n", "")
    assert "… and " in said.err
    assert "30 made" in said.err


def test_quiet_shows_no_pictures(generate, at_a_terminal):
    assert "▀" not in generate("-q").out
