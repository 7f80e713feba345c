"""Films: pictures one after another in a GIF, with a label."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageSequence

from aigc_core.errors import FileError
from aigc_core.provenance import write_film


def grey(level, size=(28, 28)):
    return Image.fromarray(np.linspace(0, level, size[0] * size[1]).astype("uint8").reshape(size[::-1]))


def frames(path):
    with Image.open(path) as film:
        return [frame.convert("RGB") for frame in ImageSequence.Iterator(film)]


def test_a_film_shows_every_picture_enlarged_and_keeps_every_shade(tmp_path):
    pictures = [grey(level) for level in (255, 200, 100)]
    shown = frames(write_film(pictures, tmp_path / "a.gif"))
    assert [frame.size for frame in shown] == [(112, 112)] * 3
    for frame, picture in zip(shown, pictures, strict=True):
        assert np.array_equal(np.asarray(frame)[::4, ::4, 0], np.asarray(picture))


def test_a_film_plays_for_ever_and_says_that_it_was_generated(tmp_path):
    path = write_film([grey(255), grey(9)], tmp_path / "a.gif")
    with Image.open(path) as film:
        assert film.info["loop"] == 0
    data = path.read_bytes()
    assert data.count(b"\x21\xff\x0bXMP DataXMP<?xpacket") == 1
    assert b"trainedAlgorithmicMedia" in data
    assert b"/algorithmicMedia" in write_film([grey(255)], tmp_path / "b.gif", trained=False).read_bytes()
    assert b"XMP" not in write_film([grey(255)], tmp_path / "c.gif", labels=()).read_bytes()


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "1", "P"])
def test_a_film_with_its_label_is_a_film_in_every_mode(tmp_path, mode, count):
    pictures = [Image.linear_gradient("L").rotate(90 * turn).convert(mode) for turn in range(count)]
    for labels in ((), ("iptc",)):
        shown = frames(write_film(pictures, tmp_path / "a.gif", labels=labels))
        assert len(shown) == count
        for frame, picture in zip(shown, pictures, strict=True):
            apart = np.abs(np.asarray(frame, int) - np.asarray(picture.convert("RGB"), int))
            assert apart.mean() < 4


def test_what_can_be_seen_through_and_what_is_too_small_stands_on_white(tmp_path):
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    small = Image.new("RGB", (4, 4), "black")
    first, second = frames(write_film([clear, small], tmp_path / "a.gif"))
    assert first.getpixel((0, 0)) == second.getpixel((127, 127)) == (255, 255, 255)
    assert second.getpixel((0, 0)) == (0, 0, 0)


def test_a_film_ends_in_gif(tmp_path):
    with pytest.raises(FileError, match=r"cannot write a film to .*a\.png.*end it in \.gif"):
        write_film([grey(9)], tmp_path / "a.png")
