"""The same bytes: alone or in a batch, with one thread or two, today or at replay. And what is different says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.fixture
def generate(aigc):
    """Generate with ``--json`` and return the items."""

    def run(model, *arguments, **options):
        return aigc("generate", "-m", model, *arguments, "--json", **options).json["items"]

    return run


def test_item_alone_is_the_item_of_a_larger_run(aigc, bundled, generate):
    many = generate(bundled, "-n", "37", "--seed", "100", "-o", "many")
    for k in (15, 36):  # the last of a full call, and the last of the padded one
        (alone,) = generate(bundled, "-n", "1", "--seed", 100 + k, "-o", "alone")
        assert alone["digest"] == many[k]["digest"]
        assert alone["recipe"] == many[k]["recipe"]
        assert np.array_equal(pixels(aigc.folder / alone["file"]), pixels(aigc.folder / many[k]["file"]))
        assert (aigc.folder / alone["file"]).read_bytes() == (aigc.folder / many[k]["file"]).read_bytes()


def test_place_in_the_batch_does_not_matter(bundled, generate):
    first = {item["seed"]: item["digest"] for item in generate(bundled, "-n", "20", "--seed", "0")}
    shifted = {item["seed"]: item["digest"] for item in generate(bundled, "-n", "20", "--seed", "3")}
    both = first.keys() & shifted.keys()
    assert len(both) == 17
    assert {seed: first[seed] for seed in both} == {seed: shifted[seed] for seed in both}


def test_number_of_threads_does_not_matter(bundled, generate):
    one, two = (
        [item["digest"] for item in generate(bundled, "-n", "20", "--seed", "5", env={"OMP_NUM_THREADS": threads})]
        for threads in ("1", "2")
    )
    assert one == two


def test_items_of_a_run_differ(bundled, generate):
    items = generate(bundled, "-n", "64", "--seed", "5")
    assert len({item["digest"] for item in items}) == 64


def test_replay_of_a_bundled_models_picture_is_identical(aigc, bundled, generate):
    (item,) = generate(bundled, "--seed", "11", "--post", "resize size=56", "--post", "sharpen")
    ran = aigc("replay", item["file"])
    assert ran.out == "IDENTICAL\n"
    answer = aigc("replay", item["file"], "--json").json
    assert (answer["answer"], answer["recipe_id"]) == ("IDENTICAL", item["recipe"])


def test_replay_finds_the_candidate_that_was_kept(aigc, write_plugin, generate):
    selector = write_plugin(
        "darkest",
        """
        from aigc_core import SelectorSpec, hookimpl

        def darkest(request, candidates, context):
            return min(range(len(candidates)), key=lambda i: sum(candidates[i].content.convert("L").tobytes()))

        @hookimpl
        def aigc_selectors():
            return [SelectorSpec("acme/darkest", darkest)]
        """,
    )
    items = generate(
        "digits-gan", "--plugin", selector, "-n", "4", "--seed", "3", "--candidates", "5", "--select", "acme/darkest"
    )
    kept = [aigc("inspect", item["file"], "--json").json["recipe"]["selection"]["kept"] for item in items]
    assert len(set(kept)) > 1
    for item in items:
        assert aigc("replay", item["file"]).out == "IDENTICAL\n"


def test_changed_pixel_is_different(aigc, generate):
    (item,) = generate("digits-gan", "--seed", "1")
    path = aigc.folder / item["file"]
    with Image.open(path) as picture:
        picture.load()
        picture.putpixel((3, 3), 255 - picture.getpixel((3, 3)))
        save_with_texts(picture, path, picture.text)
    ran = aigc("replay", path, code=6)
    assert ran.out == "DIFFERENT\n"
    assert "pixels were changed" in ran.err


@pytest.mark.parametrize("field", ["options", "seed"])
def test_changed_recipe_is_different(aigc, generate, field):
    (item,) = generate("digits-gan", "--seed", "1")
    path = aigc.folder / item["file"]
    with Image.open(path) as picture:
        picture.load()
        envelope = json.loads(picture.text["aigc"])
        if field == "seed":
            envelope["recipe"]["seed"] += 1
        else:
            envelope["recipe"]["options"]["truncation"] = 0.5
        save_with_texts(picture, path, {**picture.text, "aigc": json.dumps(envelope)})
    ran = aigc("replay", path, code=6)
    assert ran.out == "DIFFERENT\n"
    assert "the recipe was changed" in ran.err


def test_recipe_changed_and_sealed_anew_is_different(aigc, generate):
    """Whoever also mends the recipe's id is found out by what the recipe makes."""
    (item,) = generate("digits-gan", "--seed", "1", "--set", "label=7")
    path = aigc.folder / item["file"]
    (other,) = generate("digits-gan", "--seed", "1", "--set", "label=1", "-o", "other")
    with Image.open(aigc.folder / other["file"]) as picture:
        picture.load()
        forged = json.loads(picture.text["aigc"])
    with Image.open(path) as picture:
        picture.load()
        forged["digest"] = json.loads(picture.text["aigc"])["digest"]
        save_with_texts(picture, path, {**picture.text, "aigc": json.dumps(forged)})
    ran = aigc("replay", path, code=6)
    assert ran.out == "DIFFERENT\n"
    assert "pixels differ" in ran.err


@pytest.fixture
def own_model(aigc):
    """A copy of a bundled model's folder, to tamper with."""

    def copy(name: str) -> Path:
        folder = Path(aigc("models", "show", name, "--json").json["folder"])
        return Path(shutil.copytree(folder, aigc.folder / "copies" / name))

    return copy


def test_tampered_weights_are_different(aigc, bundled, generate, own_model):
    (item,) = generate(bundled, "--seed", "1")
    folder = own_model(bundled)
    assert aigc("replay", item["file"], "-m", folder).out == "IDENTICAL\n"
    flip_a_bit(folder / "model.safetensors")
    ran = aigc("replay", item["file"], "-m", folder, code=6)
    assert ran.out == "DIFFERENT\n"
    assert "model.safetensors" in ran.err
    assert "sha256" in ran.err


def test_changed_manifest_is_different(aigc, generate, own_model):
    (item,) = generate("digits-gan", "--seed", "1")
    folder = own_model("digits-gan")
    manifest = json.loads((folder / "aigc.json").read_text())
    manifest["licence"] = "mine"
    (folder / "aigc.json").write_text(json.dumps(manifest))
    ran = aigc("replay", item["file"], "-m", folder, code=6)
    assert ran.out == "DIFFERENT\n"
    assert "aigc.json" in ran.err


def test_other_model_is_different(aigc, generate):
    (item,) = generate("digits-gan", "--seed", "1")
    ran = aigc("replay", item["file"], "-m", "digits-vae", code=6)
    assert ran.out == "DIFFERENT\n"
    assert "model.safetensors" in ran.err


def save_with_texts(picture: Image.Image, path: Path, texts: dict[str, str]) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, text in texts.items():
        info.add_itxt(key, text)
    picture.save(path, pnginfo=info)


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
