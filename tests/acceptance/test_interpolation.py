"""From one seed to another, and variations of a picture, with the installed program."""

from __future__ import annotations

import json

import pytest
from PIL import Image


@pytest.fixture
def generate(aigc):
    """Generate with ``--json``, and return the document."""

    def run(model, *arguments, **options):
        return aigc("generate", "--modality", "image", "-m", model, *arguments, "--json", **options).json

    return run


def test_the_ends_are_the_pictures_of_the_seeds(bundled, generate):
    label = ["--set", "label=7"] if bundled == "digits-gan" else []
    told = generate(bundled, "--interpolate", "3", "9", "--frames", "5", *label)
    frames = [item["digest"] for item in told["items"]]
    assert len(set(frames)) == 5
    for seed, frame in (("3", frames[0]), ("9", frames[4])):
        (alone,) = generate(bundled, "--seed", seed, *label)["items"]
        assert alone["digest"] == frame


def test_sixteen_frames_a_film_and_a_sheet(aigc, generate, files):
    told = generate("digits-gan", "--interpolate", "3", "9", "-o", "way")
    assert (told["created"], told["interpolate"]) == (16, [3, 9])
    with Image.open(aigc.folder / told["film"]) as film:
        assert (film.format, film.n_frames, film.info["loop"]) == ("GIF", 16, 0)
    with Image.open(aigc.folder / told["sheet"]) as sheet:
        assert min(sheet.size) > 200
    assert len(files()) == 18
    assert b"trainedAlgorithmicMedia" in (aigc.folder / told["film"]).read_bytes()


def test_a_frame_is_inspected_and_replayed(aigc, bundled, generate):
    middle = generate(bundled, "--interpolate", "3", "9", "--frames", "3")["items"][1]
    assert middle["noise"] == {"a": 3, "b": 9, "t": 0.5}
    recipe = aigc("inspect", middle["file"], "--json").json["recipe"]
    assert recipe["noise"] == middle["noise"]
    assert "seed" not in recipe
    assert aigc("replay", middle["file"]).out == "IDENTICAL\n"
    with Image.open(aigc.folder / middle["file"]) as picture:
        assert "Seed: 3, Variation seed: 9, Variation seed strength: 0.5" in picture.text["parameters"]


def test_a_frame_whose_place_was_changed_is_found_out(aigc, generate):
    from PIL.PngImagePlugin import PngInfo

    middle = generate("digits-gan", "--interpolate", "3", "9", "--frames", "3")["items"][1]
    path = aigc.folder / middle["file"]
    with Image.open(path) as picture:
        picture.load()
        envelope = json.loads(picture.text["aigc"])
        envelope["recipe"]["noise"]["t"] = 0.75
        info = PngInfo()
        info.add_itxt("aigc", json.dumps(envelope))
        picture.save(path, pnginfo=info)
    assert "the recipe was changed" in aigc("replay", path, code=6).err


def test_threads_and_batches_do_not_matter(bundled, generate):
    way = ["--interpolate", "3", "9", "--frames", "19"]
    one, two = (
        [item["digest"] for item in generate(bundled, *way, env={"OMP_NUM_THREADS": threads})["items"]]
        for threads in ("1", "2")
    )
    assert one == two
    few = [item["digest"] for item in generate(bundled, "--interpolate", "3", "9", "--frames", "3")["items"]]
    assert few == [one[0], one[9], one[18]]


def test_the_ledger_knows_the_frames(aigc, static, files):
    aigc("generate", *static, "--interpolate", "3", "9", "--frames", "4")
    (run,) = aigc("runs", "list", "--json").json
    assert (run["total"], run["created"], run["seed"], run["status"]) == (4, 4, 3, "finished")
    assert [name.rpartition("/")[2] for name in files() if name.endswith(".png")] == [
        *(f"acme-static-3-9-{index}.png" for index in range(4)),
        "acme-static-3-9-grid.png",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--interpolate", "3", "3"], "no way to go"),
        (["--interpolate", "3", "9", "--frames", "1"], "1 frames"),
        (["--interpolate", "3", "9", "--frames", "1000000"], "2 to 1,000"),
        (["--interpolate", "3", "9", "-n", "2"], "exclude each other"),
        (["--interpolate", "3", "9", "--seed", "2"], "exclude each other"),
        (["--interpolate", "3", "-9"], "out of range"),
        (["--interpolate", "3", "a"], "--interpolate"),
        (["--interpolate", "3"], "requires 2 arguments"),
        (["--frames", "8"], "belongs to --interpolate"),
        (["--strength", "0.1"], "belongs to --like"),
    ],
)
def test_bad_requests_are_one_line_and_leave_nothing(aigc, static, files, arguments, said):
    ran = aigc("generate", *static, *arguments, code=2)
    assert len(ran.complaints) == 1
    assert said in ran.err
    assert files() == []


def test_a_model_that_cannot_encode_says_which_can(aigc, generate):
    (item,) = generate("digits-gan", "--seed", "3")["items"]
    ran = aigc("generate", "-m", "digits-gan", "--like", item["file"], code=2)
    (complaint,) = ran.complaints
    assert complaint.startswith("aigc: digits-gan cannot encode pictures (models that can: digits-ae, digits-vae")


def test_variations_of_a_file(aigc, generate):
    """A model of random weights with its encoder: what matters here is the way, not the picture."""
    aigc.python("""
        import torch
        from aigc_core import DataShape, save_model
        from aigc_image.autoencoder import Autoencoder
        from aigc_image.options import AutoencoderConfig

        torch.manual_seed(0)
        config = AutoencoderConfig(architecture="mlp", latent_dim=4, hidden=8, components=1)
        made = Autoencoder(config, DataShape((1, 8, 8)))
        tensors = {f"{name}.{key}": t for name in made.inference for key, t in made.networks[name].state_dict().items()}
        tensors["decoder.4.weight"] = tensors["decoder.4.weight"] * 40
        tensors |= {
            "sampler.weights": torch.ones(1),
            "sampler.means": torch.zeros(1, 4),
            "sampler.choleskys": torch.eye(4)[None],
        }
        save_model("own", name="own", component="image/autoencoder", modality="image", shape=(1, 8, 8), card="#",
                   options=config.model_dump(mode="json"), tensors=tensors)
    """)
    Image.linear_gradient("L").convert("RGBA").save(aigc.folder / "photo.png")
    like = ["--like", "photo.png", "-o", "made"]
    again = generate("./own", *like, "-n", "2", "--seed", "1", "--strength", "0")["items"]
    assert len({item["digest"] for item in again}) == 1
    varied = generate("./own", *like, "-n", "4", "--seed", "1")["items"]
    assert len({item["digest"] for item in (*again, *varied)}) == 5
    assert "an input 'like'" in aigc("replay", varied[0]["file"], "-m", "./own", code=2).err
    assert aigc("replay", varied[0]["file"], "-m", "./own", "--input", "photo.png").out == "IDENTICAL\n"
    for wrong in ("1.5", "-0.1", "much"):
        assert "strength" in aigc("generate", "-m", "./own", *like, "--strength", wrong, code=2).err


def test_a_file_that_is_no_picture_cannot_be_varied(aigc):
    (aigc.folder / "words.png").write_text("no picture")
    for file, said in (("words.png", "no PNG, JPEG or WebP"), ("gone.png", "there is no file gone.png")):
        ran = aigc("generate", "-m", "digits-vae", "--like", file, code=1)
        assert said in ran.err
