"""Pictures of texts, texts about pictures, and finding either by either, with the bundled models."""

from __future__ import annotations

import json

import pytest
from PIL import Image

PANDA = ("generate", "--modality", "image", "a panda", "--seed", "7")


def test_a_prompt_makes_a_picture_that_replays(aigc):
    (item,) = aigc(*PANDA, "--json").json["items"]
    picture = aigc.folder / item["file"]
    with Image.open(picture) as opened:
        assert opened.size == (64, 64)
    recipe = aigc("inspect", picture, "--json").json["recipe"]
    assert recipe["model"]["name"] == "emoji-from-text"
    assert recipe["condition"]["value"]["model"] == "emoji-joint"
    assert aigc("replay", picture).out.startswith("IDENTICAL")


def test_without_a_prompt_the_default_is_another_model(aigc):
    assert aigc("generate", "--modality", "image", "--json").json["model"] == "emoji-gan"


def test_english_and_chinese_ask_for_the_same(aigc):
    made = {
        prompt: aigc("generate", "--modality", "image", prompt, "--seed", "7", "--json").json["items"][0]["file"]
        for prompt in ("a panda", "熊猫", "a red car")
    }
    found = aigc("search", aigc.folder / made["a panda"], "--in", aigc.folder / "aigc-output", "--json").json
    order = [hit["item"].rpartition("/")[2] for hit in found["hits"]]
    assert set(order[:2]) == {made[prompt].rpartition("/")[2] for prompt in ("a panda", "熊猫")}


def test_of_many_candidates_the_nearest_is_kept(aigc):
    (item,) = aigc(*PANDA, "--candidates", "5", "--json").json["items"]
    selection = aigc("inspect", aigc.folder / item["file"], "--json").json["recipe"]["selection"]
    assert selection["selector"] == "crossmodal/nearest"
    assert selection["candidates"] == 5
    assert selection["record"]["similarities"][selection["kept"]] == max(selection["record"]["similarities"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_picture_is_written_about(aigc, language):
    Image.new("RGBA", (3, 5), (255, 0, 0, 120)).save(aigc.folder / "small.png")
    words = ("generate", "--modality", "text", "--input", "small.png", "--set", f"language={language}", "--seed", "1")
    first, again = (aigc(*words, "--json").json["items"][0]["text"] for _ in range(2))
    assert first == again
    assert first.isascii() == (language == "en")


def test_a_folder_is_searched_by_words(aigc):
    folder = aigc.folder / "pictures"
    folder.mkdir()
    for prompt in ("a red heart", "cherries", "a panda"):
        (item,) = aigc("generate", "--modality", "image", prompt, "--seed", "3", "--json").json["items"]
        (aigc.folder / item["file"]).rename(folder / f"{prompt.split()[-1]}.png")
    for query, wanted in (("cherries", "cherries.png"), ("樱桃", "cherries.png"), ("love", "heart.png")):
        found = json.loads(aigc("search", query, "--in", folder, "--json", "-k", "1").out)
        assert found["hits"][0]["item"].endswith(wanted)


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("generate", "--modality", "image", ""), 2, "the prompt is empty"),
        (("generate", "-m", "emoji-from-text"), 2, "a prompt, or --input FILE"),
        (("generate", "-m", "emoji-caption", "a"), 2, "--input FILE, a picture"),
        (("generate", "-m", "emoji-caption", "--input", "nothing.png"), 1, "nothing.png"),
        (("train", "image/vae", ".", "--condition", "vector=emoji-joint"), 2, "no"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_said(aigc, words, code, complaint):
    ran = aigc.end(aigc.start(*words))
    assert ran.code == code, ran.err
    assert complaint in ran.err


def test_a_prompt_in_a_third_language_is_told_of(aigc):
    assert "knows prompts in en, zh" in aigc("generate", "--modality", "image", "パンダの絵", "--seed", "1").err
