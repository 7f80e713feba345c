"""One picture at a time: every mode and every damage."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from aigc_core import UsageError
from aigc_core.data.pictures import UnusableError, colour, decode, measure

SIZE = (16, 16)


def encoded(picture, kind="PNG", **options):
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def halves(left, right, mode="RGB", size=(32, 32)):
    picture = Image.new(mode, size, left)
    picture.paste(right, (size[0] // 2, 0, *size))
    return picture


def corners(decoded):
    """The values in the left and in the right half, away from the edge."""
    return decoded.pixels[8, 2].tolist(), decoded.pixels[8, 13].tolist()


def test_a_colour_picture_is_scaled_and_stays_rgb():
    decoded = decode(encoded(halves("red", "blue")), SIZE)
    assert decoded.pixels.shape == (16, 16, 3)
    assert corners(decoded) == ([255, 0, 0], [0, 0, 255])
    assert (decoded.original, decoded.mode, decoded.note) == ((32, 32), "RGB", None)


def test_a_grey_picture_stored_as_rgb_is_grey():
    decoded = decode(encoded(halves((10, 10, 10), (200, 200, 200))), SIZE)
    assert decoded.pixels.shape == (16, 16)
    assert corners(decoded) == (10, 200)


def test_a_picture_of_one_bit_is_black_and_white():
    assert corners(decode(encoded(halves(0, 1, "1")), SIZE)) == (0, 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(kind):
    picture = Image.fromarray(np.full((32, 32), 257 * 100, np.uint16))
    assert set(decode(encoded(picture, kind), SIZE).pixels.ravel()) == {100}


def test_thirty_two_bits_are_taken_for_sixteen_where_they_fit():
    fits, wide = (Image.fromarray(np.full((32, 32), value, np.int32)) for value in (65535, 70000))
    assert set(decode(encoded(fits, "TIFF"), SIZE).pixels.ravel()) == {255}
    with pytest.raises(UnusableError, match="more than 16 bits"):
        decode(encoded(wide, "TIFF"), SIZE)


@pytest.mark.parametrize("value, expected", [(0.5, 128), (50.0, 50)])
def test_floats_are_from_0_to_1_or_from_0_to_255(value, expected):
    picture = Image.fromarray(np.full((32, 32), value, np.float32))
    assert set(decode(encoded(picture, "TIFF"), SIZE).pixels.ravel()) == {expected}


@pytest.mark.parametrize("value", [-1.0, 300.0, np.nan])
def test_other_floats_are_unusable(value):
    picture = Image.fromarray(np.full((32, 32), value, np.float32))
    with pytest.raises(UnusableError, match="floating-point"):
        decode(encoded(picture, "TIFF"), SIZE)


def test_cmyk_becomes_rgb():
    cyan = Image.new("CMYK", (32, 32), (255, 0, 0, 0))
    decoded = decode(encoded(cyan, "JPEG", quality=95), SIZE)
    assert decoded.mode == "CMYK"
    red, green, blue = decoded.pixels[8, 8]
    assert red < 10 and green > 245 and blue > 245


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pixels_show_the_background(mode):
    clear = (0, 0, 0, 0) if mode == "RGBA" else (0, 0)
    solid = (0, 0, 0, 255) if mode == "RGBA" else (0, 255)
    file = encoded(halves(clear, solid, mode))
    assert corners(decode(file, SIZE)) == (255, 0)
    assert corners(decode(file, SIZE, background=colour("red"))) == ([255, 0, 0], [0, 0, 0])


def test_a_palette_with_transparency_shows_the_background():
    picture = halves(0, 1, "P")
    picture.putpalette([255, 0, 0, 0, 0, 255])
    file = encoded(picture, transparency=0)
    assert corners(decode(file, SIZE)) == ([255, 255, 255], [0, 0, 255])


def test_of_an_animation_the_first_frame_is_taken_and_that_is_noted():
    frames = [Image.new("RGB", (32, 32), name) for name in ("red", "blue")]
    decoded = decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), SIZE)
    assert decoded.pixels[8, 8].tolist() == [255, 0, 0]
    assert decoded.note == "several frames, the first is taken"


@pytest.mark.parametrize("orientation, expected", [(1, "left"), (3, "right"), (6, "top"), (8, "bottom")])
def test_pictures_are_turned_upright(orientation, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.new("L", (64, 32))
    picture.paste(255, (0, 0, 32, 32))  # white on the left
    file = encoded(picture, "JPEG", exif=exif, quality=95)
    pixels = decode(file, SIZE, fit="stretch").pixels
    sides = {"left": pixels[8, 2], "right": pixels[8, 13], "top": pixels[2, 8], "bottom": pixels[13, 8]}
    assert sides[expected] > 250
    assert measure(file) == ((32, 64) if orientation > 4 else (64, 32))


def test_cropping_takes_the_middle():
    picture = Image.new("L", (64, 32), 0)
    picture.paste(255, (16, 0, 48, 32))
    assert decode(encoded(picture), SIZE).pixels.min() > 240  # the filter reaches a little over the edge


def test_padding_shows_the_whole_picture_on_the_background():
    pixels = decode(encoded(Image.new("L", (64, 32), 0)), SIZE, fit="pad").pixels
    assert pixels[:4].min() == 255 and pixels[12:].min() == 255 and pixels[4:12].max() == 0


def test_stretching_distorts():
    picture = Image.new("L", (64, 32), 0)
    picture.paste(255, (0, 0, 32, 32))
    assert corners(decode(encoded(picture), SIZE, fit="stretch")) == (255, 0)


def test_a_shape_that_is_not_square_is_filled():
    picture = Image.new("L", (64, 32), 0)
    picture.paste(255, (0, 0, 32, 32))
    pixels = decode(encoded(picture), (32, 16)).pixels
    assert pixels.shape == (16, 32) and pixels[:, :14].min() > 250 and pixels[:, 18:].max() < 5


def test_a_large_jpeg_looks_as_it_does_without_shortcuts():
    gradient = Image.linear_gradient("L").resize((1024, 768))
    file = encoded(gradient, "JPEG", quality=95)
    slow = Image.open(BytesIO(file)).crop((128, 0, 896, 768)).resize(SIZE, Image.Resampling.LANCZOS)
    assert np.abs(decode(file, SIZE).pixels.astype(int) - np.asarray(slow)).max() <= 2


def test_half_a_jpeg_is_unusable():
    whole = encoded(Image.effect_noise((200, 200), 80), "JPEG")
    with pytest.raises(UnusableError, match="damaged or cut off"):
        decode(whole[: len(whole) // 2], SIZE)


@pytest.mark.parametrize("content", [b"once upon a time\n" * 50, b"\x00" * 400, b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage\n"])
def test_other_files_are_no_pictures(content):
    with pytest.raises(UnusableError, match="not a picture"):
        decode(content, SIZE)


def test_an_empty_file_is_called_so():
    with pytest.raises(UnusableError, match="an empty file"):
        decode(b"", SIZE)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3)])
def test_pictures_smaller_than_a_quarter_are_unusable(size):
    with pytest.raises(UnusableError, match="smaller than 4×4"):
        decode(encoded(Image.new("RGB", size)), SIZE)


def test_a_picture_of_a_quarter_is_enlarged():
    assert decode(encoded(Image.new("L", (4, 4), 9)), SIZE).pixels.shape == (16, 16)


def test_a_bomb_is_refused_from_its_header():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    for look in (measure, lambda content: decode(content, SIZE)):
        with pytest.raises(UnusableError, match="more than 178 million pixels"):
            look(bomb)


def test_arrays_are_taken_as_they_are_or_scaled():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(decode(grey, SIZE).pixels, grey)
    assert np.array_equal(decode(np.stack([grey] * 3, axis=2), SIZE).pixels, grey)
    assert decode(np.zeros((40, 32, 3), np.uint8), SIZE).pixels.shape == (16, 16)
    clear = np.zeros((16, 16, 4), np.uint8)
    assert set(decode(clear, SIZE).pixels.ravel()) == {255}


def test_a_wrong_colour_is_refused():
    with pytest.raises(UsageError, match="'whitish' is no colour"):
        colour("whitish")
