"""Components are plain functions and classes: test them by calling them."""

import numpy as np
import pytest
from aigc_hello.colourful import colourfulness, most_colourful
from aigc_hello.emphasise import EmphasiseOptions, emphasise
from aigc_hello.frame import FrameOptions, frame
from aigc_hello.shouting import ShoutingOptions, no_shouting
from aigc_hello.tiles import PALETTES, Tiles, TilesOptions
from PIL import Image
from pydantic import ValidationError

from aigc_core import Candidate, Condition, FilterContext, Item, Noise, Request, StepContext


def draw(prompt=None, seed=7, **options):
    item = Item(prompt, {}, Condition(), TilesOptions(**options), Noise(seed, "generate/0"))
    [final] = Tiles(None).generate([item])
    return final.content


def step_context(options=None, record=lambda name, value: None):
    return StepContext(Request("image", seed=7), options, Noise(7, "post/0/0"), record)


def colours(picture):
    """The most frequent colours, which are those of the palette; the others are smooth edges."""
    counted = sorted(picture.getcolors(picture.width * picture.height), reverse=True)
    return {"#{:02x}{:02x}{:02x}".format(*colour) for _, colour in counted[:3]}


def test_the_same_seed_gives_the_same_quilt():
    assert draw("panda") == draw("panda")
    assert draw("panda", seed=7) != draw("panda", seed=8)


def test_a_prompt_sets_the_style_for_every_seed():
    palettes = [
        [name for name, palette in PALETTES.items() if colours(draw("panda", seed=seed)) <= set(palette)]
        for seed in range(5)
    ]
    assert palettes == [palettes[0]] * 5 and len(palettes[0]) == 1
    assert draw("panda") != draw("a stormy sea")


@pytest.mark.parametrize("tiles", [4, 6, 12])
def test_quilts_are_symmetric(tiles):
    pixels = np.asarray(draw(tiles=tiles, size=192), dtype=int)

    for mirrored in (pixels[::-1], pixels[:, ::-1]):
        assert np.abs(pixels - mirrored).max() <= 2  # scaling down rounds


def test_size_and_palette_are_what_was_asked_for():
    picture = draw(size=100, palette="ocean")

    assert picture.size == (100, 100)
    assert colours(picture) <= set(PALETTES["ocean"])


@pytest.mark.parametrize("options", [{"size": 10**9}, {"tiles": 5}, {"palette": "neon"}, {"colour": "red"}])
def test_options_out_of_bounds_are_refused(options):
    with pytest.raises(ValidationError):
        TilesOptions(**options)


def test_items_are_made_independently_of_each_other():
    items = [Item(None, {}, Condition(), TilesOptions(size=64), Noise(seed, "generate/0")) for seed in range(3)]

    together = [final.content for final in Tiles(None).generate(items)]

    assert together == [draw(seed=seed, size=64) for seed in range(3)]


def test_emphasise_marks_the_word_and_records_how_often():
    recorded = {}
    context = step_context(EmphasiseOptions(word="panda", weight=1.5), recorded.__setitem__)

    assert emphasise("a panda and a panda", context) == "a (panda:1.5) and a (panda:1.5)"
    assert recorded == {"emphasised": 2}


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_frame_surrounds_the_picture_and_leaves_it_alone(mode):
    picture = Image.new(mode, (20, 10))
    before = picture.tobytes()

    framed = frame(picture, step_context(FrameOptions(width=4, color="#102030")))

    assert framed.size == (20 + 24, 10 + 24)
    assert framed.convert("RGB").getpixel((0, 0)) == (0x10, 0x20, 0x30)
    assert framed.crop((12, 12, 32, 22)).convert(mode).tobytes() == before
    assert (picture.mode, picture.tobytes()) == (mode, before)


def test_the_most_colourful_candidate_is_kept():
    pictures = [Image.new("RGB", (8, 8), colour) for colour in ("gray", "#804040", "#ff0000", "white")]
    candidates = [Candidate(picture) for picture in pictures]

    assert most_colourful(Request("image", seed=7), candidates, step_context()) == 2
    assert colourfulness(pictures[0]) == 0


def test_shouting_is_found_where_it_is():
    context = FilterContext("request", "prompt", Request("image", seed=7), ShoutingOptions())
    text = "please GIVE ME, A PANDA now"

    [finding] = no_shouting(text, context)

    assert text[slice(*finding.span)] == "GIVE ME, A PANDA"
    assert finding.replacement == "give me, a panda"
    assert no_shouting("a rocket of NASA", context) == []
