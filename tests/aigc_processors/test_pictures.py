"""Every postprocessor, over pictures of every mode."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from aigc_core import ItemError, Noise, Request, StepContext
from aigc_processors.colour import AdjustOptions
from aigc_processors.detail import BlurOptions, MedianOptions, SharpenOptions
from aigc_processors.geometry import CropOptions, ResizeOptions, UpscaleOptions, resize

PLAIN = ("L", "LA", "RGB", "RGBA")
CONVERTED = {
    "1": "L",
    "P": "RGB",
    "PA": "RGBA",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
    "La": "LA",
    "RGBa": "RGBA",
}
STEPS = [
    ("crop", {"size": 8}),
    ("resize", {"size": 24}),
    ("upscale", {"factor": 2}),
    ("adjust", {"brightness": 1.2, "contrast": 0.5, "color": 2}),
    ("blur", {}),
    ("median", {}),
    ("sharpen", {}),
    ("background", {"color": "#204060"}),
]


def gradient(mode: str = "RGB", size: tuple[int, int] = (16, 12)) -> Image.Image:
    """A picture in which every pixel is different, transparent to the left where the mode can be."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack([x, y, 255 - x, np.minimum(2 * x, 255)], axis=-1).round().astype(np.uint8)
    picture = Image.fromarray(pixels)
    return picture if mode == "RGBA" else picture.convert("RGB" if mode == "P" else mode).convert(mode)


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture).astype(int)


@pytest.mark.parametrize(("name", "options"), STEPS)
@pytest.mark.parametrize("mode", PLAIN)
def test_a_step_keeps_the_mode_and_leaves_its_input_alone(run, name, options, mode):
    picture = gradient(mode)
    before = picture.tobytes()

    made = run(name, picture, **options)

    assert (picture.mode, picture.tobytes()) == (mode, before)
    assert made is not picture
    assert made.mode == ("RGB" if name == "background" and mode in ("LA", "RGBA") else mode)
    assert made == run(name, picture, **options)


@pytest.mark.parametrize(("name", "options"), STEPS)
@pytest.mark.parametrize("mode", CONVERTED)
def test_other_modes_become_the_nearest_plain_one(run, name, options, mode):
    picture = Image.new(mode, (16, 12))
    plain = CONVERTED[mode]

    made = run(name, picture, **options)

    assert made.mode == (plain if name != "background" else "RGB" if plain != "L" else "L")


@pytest.mark.parametrize("mode", ["I", "F"])
def test_modes_without_a_range_are_refused(run, mode):
    with pytest.raises(ItemError, match=f"mode {mode} have no fixed range"):
        run("blur", Image.new(mode, (4, 4)))


def test_sixteen_bits_keep_their_brightness(run):
    picture = Image.fromarray(np.array([[0, 32896, 65535]], dtype=np.uint16))

    assert list(run("crop", picture, width=3).tobytes()) == [0, 128, 255]


def test_palette_transparency_is_not_lost(run):
    picture = Image.new("P", (4, 4), 0)
    picture.putpalette([255, 0, 0])
    picture.info["transparency"] = 0

    assert run("crop", picture, size=2).getpixel((0, 0)) == (255, 0, 0, 0)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"size": "8"}, (8, 4)),
        ({"size": 8, "fit": "cover"}, (8, 8)),
        ({"size": 8, "fit": "stretch"}, (8, 8)),
        ({"width": 80}, (80, 40)),
        ({"height": 80}, (160, 80)),
        ({"width": 20, "height": 8}, (16, 8)),
        ({"width": 20, "height": 8, "fit": "cover"}, (20, 8)),
        ({"width": 1}, (1, 1)),
    ],
)
def test_resize_fits_as_it_is_told(run, options, size):
    assert run("resize", gradient(size=(40, 20)), **options).size == size


def test_resize_covers_with_the_middle(run):
    picture = Image.new("RGB", (30, 10), "black")
    picture.paste("white", (10, 0, 20, 10))

    assert run("resize", picture, size=5, fit="cover", resample="box") == Image.new("RGB", (5, 5), "white")


def test_nearest_keeps_pixel_art_crisp(run):
    art = Image.fromarray(np.array([[0, 255], [255, 0]], dtype=np.uint8))

    assert set(run("resize", art, size=64, resample="nearest").tobytes()) == {0, 255}


def test_invisible_colour_does_not_bleed(run):
    picture = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (8, 0, 16, 16))

    for made in (run("blur", picture), run("resize", picture, size=64)):
        assert pixels(made)[pixels(made)[..., 3] > 8][:, 0].max() <= 16  # no red where anything can be seen


@pytest.mark.parametrize(
    ("options", "box"),
    [
        ({"box": "2,3,10,9"}, (2, 3, 10, 9)),
        ({"box": [0, 0, 16, 12]}, (0, 0, 16, 12)),
        ({"size": 4}, (6, 4, 10, 8)),
        ({"size": 4, "gravity": "northwest"}, (0, 0, 4, 4)),
        ({"width": 4, "gravity": "east"}, (12, 0, 16, 12)),
        ({"height": 2, "width": 8, "gravity": "south"}, (4, 10, 12, 12)),
    ],
)
def test_crop_cuts_out_what_is_named(run, options, box):
    picture = gradient()

    assert run("crop", picture, **options) == picture.crop(box)


@pytest.mark.parametrize("options", [{"size": 13}, {"box": "0,0,17,12"}])
def test_crop_stays_inside_the_picture(run, options):
    with pytest.raises(ItemError, match="leaves the picture, which is 16×12"):
        run("crop", gradient(), **options)


@pytest.mark.parametrize(("name", "options"), [("upscale", {"factor": 8}), ("resize", {"width": 5000})])
def test_no_step_makes_a_huge_picture(run, name, options):
    picture = Image.new("L", (2000, 4000))

    with pytest.raises(ItemError, match="no side may be longer than 8192 pixels"):
        run(name, picture, **options)


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (ResizeOptions, {"size": 10**9}, "less than or equal to 8192"),
        (ResizeOptions, {"size": 0}, "greater than or equal to 1"),
        (ResizeOptions, {}, "give size=PIXELS"),
        (ResizeOptions, {"size": 4, "width": 4}, "give either size, or width and height"),
        (CropOptions, {}, "give either box=LEFT,TOP,RIGHT,BOTTOM or a size"),
        (CropOptions, {"size": 4, "box": "0,0,1,1"}, "give either box"),
        (CropOptions, {"box": "5,5,1,1"}, "left < right"),
        (CropOptions, {"box": "0,0,a,1"}, "valid integer"),
        (UpscaleOptions, {"factor": 9}, "less than or equal to 8"),
        (AdjustOptions, {"brightness": "nan"}, "finite"),
        (AdjustOptions, {"contrast": -1}, "greater than or equal to 0"),
        (BlurOptions, {"radius": 1e9}, "less than or equal to 100"),
        (MedianOptions, {"size": 4}, "take 3 or 5"),
        (SharpenOptions, {"threshold": 256}, "less than or equal to 255"),
    ],
)
def test_options_out_of_bounds_are_refused(cls, options, message):
    with pytest.raises(ValidationError, match=message):
        cls(**options)


@pytest.mark.parametrize(
    ("color", "message"), [("sky", "is no colour; try white"), ("#ff000080", "is transparent itself")]
)
def test_a_background_is_an_opaque_colour(run, color, message):
    with pytest.raises(ValidationError, match=message):
        run("background", gradient("RGBA"), color=color)


def test_background_shows_through(run):
    picture = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    picture.putpixel((1, 0), (10, 20, 30, 255))

    made = run("background", picture, color="#ff8000")

    assert [made.getpixel((x, 0)) for x in range(2)] == [(255, 128, 0), (10, 20, 30)]
    assert run("background", picture.convert("LA"), color="gray").mode == "L"
    assert run("background", gradient("RGB"), color="red") == gradient("RGB")


def test_adjust_changes_what_it_names(run):
    picture = gradient()

    assert run("adjust", picture) == picture
    assert pixels(run("adjust", picture, brightness=0)).max() == 0
    assert pixels(run("adjust", picture, contrast=0)).std() < 1
    assert np.ptp(pixels(run("adjust", picture, color=0)), axis=-1).max() == 0
    assert run("adjust", gradient("L"), color=0) == gradient("L")


@pytest.mark.parametrize("name", ["adjust", "median", "sharpen"])
def test_transparency_stays(run, name):
    picture = gradient("RGBA")
    picture.putpixel((8, 6), (255, 255, 255, 90))

    made = run(name, picture, **({"contrast": 3} if name == "adjust" else {}))

    assert made.getchannel("A") == picture.getchannel("A")
    assert made != picture


def test_detail_is_blurred_despeckled_and_sharpened(run):
    speck = Image.new("L", (9, 9), 100)
    speck.putpixel((4, 4), 255)
    edge = Image.new("L", (16, 16), 80)
    edge.paste(160, (8, 0, 16, 16))

    assert 100 < run("blur", speck, radius=1).getpixel((4, 4)) < 255
    assert run("blur", speck, radius=0) == speck
    assert run("median", speck) == Image.new("L", (9, 9), 100)
    assert np.ptp(pixels(run("sharpen", edge))) > np.ptp(pixels(edge))
    assert run("sharpen", edge, threshold=200) == edge


@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    to=st.tuples(st.none() | st.integers(1, 60), st.none() | st.integers(1, 60)).filter(any),
    fit=st.sampled_from(["contain", "cover", "stretch"]),
)
def test_resize_gives_the_size_that_was_asked_for(width, height, to, fit):
    options = ResizeOptions(width=to[0], height=to[1], fit=fit)
    context = StepContext(Request("image", 7), options, Noise(7, "post/0/0"), lambda name, value: None)

    made = resize(Image.new("RGB", (width, height)), context)

    for side, wanted in zip(made.size, to, strict=True):
        assert wanted is None or (side <= wanted if fit == "contain" and all(to) else side == wanted)
    assert any(side == wanted for side, wanted in zip(made.size, to, strict=True))
