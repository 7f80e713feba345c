"""Models that are told what to make by vectors of an embedder that another plugin brings."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from aigc_core import ModelError, Order, UsageError, evaluate, replay_file, train_model
from aigc_core.data import CaptionedPictures
from tests.palettes import HUES, write_palette

SMALL = {"architecture": "mlp", "hidden": 8, "latent_dim": 2, "components": 4}

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def mean(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"), np.float64).mean(axis=(0, 1))


def nearest(picture: Image.Image) -> str:
    return min(HUES, key=lambda name: float(np.linalg.norm(mean(picture) - HUES[name])))


def test_a_picture_is_of_what_the_prompt_says(house, painter):
    pipeline = house()
    for name in HUES:
        made = pipeline.generate("image", f"something {name}", model=painter, n=2, seed=5)
        assert {nearest(artifact.content) for artifact in made} == {name}


def test_the_recipe_says_where_the_vector_came_from_and_replays(house, painter, tmp_path):
    pipeline = house()
    (made,) = pipeline.generate("image", "a blue thing", model=painter, seed=5)
    condition = made.recipe["condition"]
    assert condition["kind"] == "vector"
    assert (condition["value"]["model"], condition["value"]["of"]) == ("palette", "text")
    assert condition["value"]["space_id"].startswith("palette@")
    path = made.save(tmp_path / "blue.png")
    assert replay_file(path, pipeline=house()).answer == "IDENTICAL"


def test_an_item_alone_is_the_item_among_others(house, painter):
    pipeline = house()
    among = pipeline.generate("image", "a red thing", model=painter, n=20, seed=3)
    (alone,) = pipeline.generate("image", "a red thing", model=painter, seed=20)
    assert among[17].digest == alone.digest


def test_a_picture_stands_where_a_prompt_would(house, painter, tmp_path):
    pipeline = house()
    seen = Image.new("RGB", (5, 9), HUES["yellow"])
    (made,) = pipeline.generate("image", model=painter, inputs={"input": seen}, seed=2)
    assert nearest(made.content) == "yellow"
    path = made.save(tmp_path / "yellow.png")
    seen.save(tmp_path / "seen.png")
    with pytest.raises(UsageError, match="made from an input 'input'"):
        replay_file(path, pipeline=house())
    assert replay_file(path, pipeline=house(), inputs=[tmp_path / "seen.png"]).answer == "IDENTICAL"


def test_transparency_lies_on_white(house):
    embedder = house().embedders.open("palette")
    clear = Image.new("RGBA", (1, 1), (0, 0, 255, 0))
    assert embedder.vector(clear).argmax() == embedder.vector("white").argmax()


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({}, "makes something of nothing only if it is told what"),
        ({"prompt": "  "}, "the prompt is empty"),
        ({"inputs": {"like": "a text"}}, "is told what"),
        ({"prompt": "red", "inputs": {"other": "x"}}, "takes no input 'other'"),
    ],
)
def test_what_cannot_be_embedded_is_refused(house, painter, order, message):
    with pytest.raises(UsageError, match=message):
        house().plan(Order("image", model=painter, **order))


def test_another_embedder_of_the_same_name_is_refused(house, painter, tmp_path):
    write_palette(tmp_path / "models" / "palette", softness=20)
    with pytest.raises(ModelError, match="was trained with vectors of palette@"):
        house().generate("image", "red", model=painter)


def test_a_missing_embedder_is_named(house, painter, tmp_path):
    (tmp_path / "models" / "palette" / "aigc.json").rename(tmp_path / "gone.json")
    with pytest.raises(UsageError, match="palette"):
        house().generate("image", "red", model=painter)


def test_the_card_and_manifest_say_what_is_required(house, painter, tmp_path):
    manifest = json.loads((tmp_path / "models" / painter / "aigc.json").read_text())
    required = manifest["requires"]["vector"]
    assert manifest["vector"] == 6
    assert manifest["prompt"] == "optional"
    assert (required["model"], required["of"]) == ("palette", "text")
    assert (tmp_path / "models" / painter / "samples.png").is_file()


def test_texts_are_written_about_pictures(house, describer):
    pipeline = house()
    for name, hue in HUES.items():
        picture = Image.new("RGB", (32, 32), hue)
        (made,) = pipeline.generate(
            "text", model=describer, inputs={"input": picture}, options={"temperature": 0}, seed=1
        )
        assert name in made.content
    with pytest.raises(UsageError, match="--input FILE, a picture"):
        pipeline.generate("text", "a", model=describer)


def test_a_conditioned_model_is_measured_on_captions(house, painter, pairs):
    found = evaluate(painter, pairs, n=4, split="train", metrics=["diversity"], pipeline=house(), embedders=["palette"])
    assert found.measurements[0].n
    with pytest.raises(UsageError, match=r"makes something of captions.*pairs\.csv|pairs"):
        evaluate(painter, n=4, pipeline=house())


def test_a_describer_is_measured_on_pictures(house, describer, pairs):
    found = evaluate(describer, pairs, n=6, split="train", metrics=["distinct"], pipeline=house())
    assert found.measurements[0].n == 6
    with pytest.raises(UsageError, match="makes something of pictures"):
        evaluate(describer, n=4, pipeline=house())


@pytest.mark.parametrize(
    ("component", "condition", "message"),
    [
        ("image/vae", "label=palette", "is not known"),
        ("image/vae", "vector=", "is not known"),
        ("image/autoencoder", "vector=palette", "cannot be told vectors"),
        ("image/vae", "vector=colours", "has no weights"),
        ("image/vae", "vector=nobody", "unknown embedder"),
        ("image/vae", "vector=digits-gan", "is no embedder"),
        ("image/vae", "vector=digits-cnn", "text is to be embedded"),
    ],
)
def test_a_condition_that_cannot_be_is_refused(house, pairs, component, condition, message):
    with pytest.raises(UsageError, match=message):
        train_model(component, pairs, condition=condition, steps=1, pipeline=house())


def test_pictures_without_captions_cannot_be_conditioned_by_them(house, pairs):
    for path in pairs.parent.glob("*.csv"):
        path.unlink()
    with pytest.raises(UsageError, match="no picture has a caption"):
        train_model("image/vae", pairs.parent, condition="vector=palette", steps=1, size=16, pipeline=house())


def test_a_training_from_a_conditioned_model_is_told_the_same(house, painter, pairs):
    folder = train_model("image/vae", pairs, name="more", base=painter, steps=2, seed=1, pipeline=house())
    assert json.loads((folder / "aigc.json").read_text())["requires"]["vector"]["model"] == "palette"
    with pytest.raises(UsageError, match="cannot be rehearsed"):
        train_model("image/vae", pairs, name="again", base=painter, rehearse=0.5, steps=2, pipeline=house())


def test_resumed_with_other_vectors_is_another_training(house, pairs, tmp_path):
    write_palette(tmp_path / "models" / "other", softness=20)
    given = {"condition": "vector=palette", "options": SMALL, "pipeline": house()}
    train_model("image/vae", pairs, name="first", steps=2, seed=1, **given)
    (tmp_path / "models" / "first" / "aigc.json").unlink()
    with pytest.raises(UsageError, match="condition was"):
        train_model("image/vae", pairs, name="first", resume=True, condition="vector=other", pipeline=house())


def test_captions_are_each_embedded_once_and_pictures_kept_once():
    pixels = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4)
    pairs = CaptionedPictures.joined(pixels, [["A cat", "猫"], ["a cat"]])
    captions, of = pairs.distinct_captions()
    assert (captions, of.tolist(), pairs.picture_of.tolist()) == (["A cat", "猫"], [0, 1, 0], [0, 0, 1])


@pytest.mark.parametrize(
    ("captions", "of", "message"),
    [
        ([], [], "0 captions"),
        (["a"], [0, 0], "1 captions are of 2"),
        (["a"], [2], "and there are 2"),
        ([" "], [0], "empty"),
    ],
)
def test_pairs_that_are_none_are_refused(captions, of, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        CaptionedPictures(np.zeros((2, 3, 4, 4), np.uint8), captions, np.array(of, np.int64))


def test_the_command_line_takes_an_input(house, describer, capsys):
    from aigc_core.cli import main

    Image.new("RGB", (8, 8), HUES["green"]).save("leaf.png")
    words = ["generate", "-m", describer, "--input", "leaf.png", "--set", "temperature=0", "--json", "--seed", "1"]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    (item,) = json.loads(capsys.readouterr().out)["items"]
    assert "green" in item["text"]


def test_a_gan_is_told_vectors_too(house, pairs):
    options = {"architecture": "mlp", "hidden": 16, "latent_dim": 2, "batch": 8, "threads": 1}
    train_model(
        "image/gan", pairs, name="rival", condition="vector=palette", options=options, steps=3, seed=1, pipeline=house()
    )
    made = [house().generate("image", prompt, model="rival", seed=4)[0].digest for prompt in ("red", "blue", "red")]
    assert made[0] == made[2] != made[1]


def test_what_to_type_next_says_what_a_model_is_told(house, pairs):
    for component, command in (("image/vae", '-m told "…"'), ("text/rnn", "-m told --input PICTURE")):
        said: list[str] = []
        options = SMALL if component == "image/vae" else {"hidden": 8, "embedding": 8}
        folder = train_model(
            component,
            pairs,
            name="told",
            condition="vector=palette",
            options=options,
            steps=1,
            seed=1,
            pipeline=house(),
            on_event=lambda event, said=said: said.append(getattr(event, "command", "")),
        )
        assert said[-1].endswith(command)
        shutil.rmtree(folder)


def test_a_prompt_is_taken_for_what_was_learnt_where_the_model_says_so(house, pairs):
    options = {**SMALL, "recall": 1000, "batch": 8, "threads": 1}
    pipeline = house()
    given = {"condition": "vector=palette", "options": options, "pipeline": pipeline}
    train_model("image/vae", pairs, name="knowing", steps=3, seed=1, **given)
    learnt, asked, literal = (
        pipeline.generate("image", prompt, model="knowing", seed=4, options=given)[0].digest
        for prompt, given in (("red", {}), ("red red blue", {}), ("red red blue", {"recall": 0}))
    )
    assert learnt == asked != literal


def test_recall_needs_a_model_that_kept_what_it_learnt(house, painter):
    with pytest.raises(UsageError, match="not kept what it has learnt"):
        house().generate("image", "red", model="painter", seed=1, options={"recall": 50})
