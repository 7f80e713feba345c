"""Many pictures on one sheet."""

from __future__ import annotations

import pytest
from PIL import Image

from aigc_core.contact_sheet import GAP, contact_sheet


def test_pictures_stand_row_by_row_and_small_ones_are_enlarged_whole():
    pictures = [Image.new("L", (16, 16), value) for value in (10, 20, 30, 40, 50)]
    sheet = contact_sheet(pictures, columns=2)
    step = 4 * 16 + GAP  # 16 pixels go into a cell of 64 four times
    assert sheet.size == (2 * step + GAP, 3 * step + GAP)
    places = [(column * step + GAP, row * step + GAP) for row in range(3) for column in range(2)]
    assert [sheet.getpixel(place)[0] for place in places] == [10, 20, 30, 40, 50, 255]


def test_a_caption_leaves_the_picture_above_it_alone():
    plain = contact_sheet([Image.new("RGB", (64, 64), "red")])
    captioned = contact_sheet([Image.new("RGB", (64, 64), "red")], ["seed 7"])
    assert captioned.height > plain.height
    assert captioned.crop((GAP, GAP, GAP + 64, GAP + 64)).getcolors() == [(64 * 64, (255, 0, 0))]
    below = captioned.crop((0, GAP + 64, captioned.width, captioned.height))
    assert below.getextrema()[0][0] < 128, "something is written there"


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "1"])
def test_any_mode_can_be_shown_and_transparency_shows_the_paper(mode):
    assert contact_sheet([Image.new(mode, (8, 8))]).mode == "RGB"
    clear = contact_sheet([Image.new("RGBA", (64, 64), (0, 0, 0, 0))])
    assert clear.getpixel((GAP + 5, GAP + 5)) == (255, 255, 255)
