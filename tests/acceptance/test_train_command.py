"""``aigc train`` from outside: a folder of pictures becomes a model, whatever happens on the way."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from PIL import Image

SMALL = ["--set", "architecture=conv", "--set", "width=4", "--set", "hidden=8", "--set", "latent_dim=4"]
SHORT = [*SMALL, "--set", "batch=8", "--set", "log_every=5", "--set", "threads=1"]
SIXTEEN = ["--size", "16", "--seed", "3", *SHORT]


@pytest.fixture
def photos(aigc):
    """Twelve small pictures of two kinds, and a few files that are none."""
    folder = aigc.folder / "photos"
    for label, colour in (("red", 0), ("blue", 2)):
        (folder / label).mkdir(parents=True)
        for index in range(6):
            picture = Image.new("RGB", (40 + index, 60), tuple(40 * index if c == colour else 30 for c in range(3)))
            picture.putpixel((index, index), (255, 255, 255))
            picture.save(folder / label / f"{index}.jpg")
    (folder / "red" / "half.jpg").write_bytes((folder / "red" / "1.jpg").read_bytes()[:300])
    (folder / "red" / "notes.txt").write_text("nothing to see")
    return folder


@pytest.fixture
def models(aigc):
    return Path(aigc.environment["XDG_DATA_HOME"]) / "aigc" / "models"


def test_a_folder_becomes_a_model_that_generates(aigc, photos, models):
    trained = aigc(
        "train", "image/gan", photos, "--out", "mine", "--size", "16", "--steps", "10", "--seed", "3", *SHORT
    )
    folder = Path(trained.out.strip())
    assert folder == models / "mine"
    assert "12 usable pictures" in trained.err
    assert "skipped" in trained.err
    assert "steps" in trained.err
    assert (folder / "report.html").read_text().startswith("<!DOCTYPE html>")
    made = aigc("generate", "-m", "mine", "-n", "2", "--set", "label=red", "--json")
    assert len(made.json["items"]) == 2


def test_json_names_model_and_report(aigc, photos, models):
    trained = aigc(
        "train", "image/vae", photos, "--size", "16", "--steps", "5", "--json", *SHORT, "--set", "components=2"
    )
    told = trained.json
    assert told["model"] == "photos-vae"
    assert Path(told["report"]).is_file()
    assert told["steps"] == 5


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


LONG = ["image/gan", "photos", *SIXTEEN]


def test_killed_and_resumed_it_ends_in_the_same_weights(aigc, photos, models):
    aigc("train", *LONG, "--steps", "150", "--out", "whole")
    process = aigc.start("train", *LONG, "--steps", "150", "--out", "broken")
    rows = models / "broken" / "training" / "metrics.jsonl"
    aigc.wait_for(lambda: rows.is_file() and rows.read_text().count("\n") > 3, process)
    process.kill()
    process.communicate()
    assert not (models / "broken" / "aigc.json").exists()
    aigc("train", *LONG, "--steps", "150", "--out", "broken", "--resume")
    assert weights(models / "broken") == weights(models / "whole")


def test_ctrl_c_keeps_a_checkpoint_and_says_how_to_go_on(aigc, photos, models):
    process = aigc.start("train", *LONG, "--steps", "100000", "--out", "long")
    rows = models / "long" / "training" / "metrics.jsonl"
    aigc.wait_for(lambda: rows.is_file() and rows.read_text().count("\n") > 3, process)
    process.send_signal(signal.SIGINT)
    ended = aigc.end(process)
    assert ended.code == 130
    assert "--resume" in ended.err
    kept = sorted((models / "long" / "training" / "checkpoints").iterdir())[-1]
    assert json.loads((kept / "checkpoint.json").read_text())["step"] > 0


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["image/gan", "nowhere"], 1, "nowhere"),
        (["image/gan", "empty"], 2, "no usable picture"),
        (["image/gan", "one"], 2, "one usable picture"),
        (["image/gan", "texts"], 2, "no usable picture"),
        (["image/gna", "photos"], 2, "did you mean 'image/gan'"),
        (["image/gan", "photos", "--preset", "huge"], 2, "preset"),
        (["image/gan", "photos", "--set", "widht=3"], 2, "did you mean 'width'"),
        (["image/gan", "photos", "--steps", "5", "--minutes", "5"], 2, "--steps and --minutes"),
        (["image/gan", "photos", "--resume"], 2, "no training to resume"),
        (["image/gan", "photos", "--from", "digits-vae"], 2, "image/vae"),
        (["image/gan", "photos", "--log", "wandb"], 2, "tensorboard"),
        (["image/gan", "photos", "--size", "1"], 2, "size"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(aigc, photos, models, arguments, code, said):
    for name in ("empty", "one", "texts"):
        (aigc.folder / name).mkdir()
    Image.new("RGB", (64, 64)).save(aigc.folder / "one" / "only.png")
    for name in ("a.txt", "b.txt"):
        (aigc.folder / "texts" / name).write_text("a poem")
    ended = aigc("train", *arguments, code=code)
    assert ended.out == ""
    last = ended.complaints[-1]
    assert last.startswith("aigc: ")
    assert said in last
    assert not models.exists()


def test_three_hundred_times_the_same_picture_is_said_and_trained(aigc):
    same = aigc.folder / "same"
    same.mkdir()
    Image.radial_gradient("L").resize((16, 16)).save(same / "0.png")
    for index in range(1, 300):
        (same / f"{index}.png").hardlink_to(same / "0.png")
    ended = aigc("train", "image/gan", "same", "--size", "16", "--steps", "5", *SHORT)
    assert "look the same" in ended.err
