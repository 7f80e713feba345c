"""Decode one record into the pixels that are learnt from: upright, of one size, grey or RGB.

Imports Pillow; import it where it is used.
"""

from __future__ import annotations

import logging
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image, ImageColor, ImageOps, UnidentifiedImageError

from aigc_core.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Fit = Literal["crop", "pad", "stretch"]
Size = tuple[int, int]  # width and height, in pixels
FITS: tuple[Fit, ...] = ("crop", "pad", "stretch")

#: Pixels that a picture may have: where Pillow refuses one as a bomb (half a gibibyte of RGB).
MAX_PIXELS = 178_956_970

#: A picture whose shorter side is less than this part of the wanted size has nothing to show at that size.
SMALLEST = 0.25

# What Pillow only recognises but cannot read, and what it hands to another program (EPS to Ghostscript).
_REFUSED = {"BUFR", "EPS", "FITS", "GRIB", "HDF5", "IPTC", "MCIDAS", "MPEG", "PCD", "WMF"}

# What decoders raise for damaged files; none of it is a mistake of ours.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    ArithmeticError,
    TypeError,
    AttributeError,
    RuntimeError,
    struct.error,
    zlib.error,
)

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnusableError(Exception):
    """A record cannot be learnt from; the text says why, the same words for each of a kind."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture as it is learnt from.

    Attributes:
        pixels: uint8 ``(H, W)`` if it is grey, else ``(H, W, 3)`` RGB.
        original: its width and height before, upright.
        mode: Pillow's name of its mode before, e.g. ``"RGBA"``.
        note: what was done to it that a person may want to know, or None.
    """

    pixels: NDArray[np.uint8]
    original: Size
    mode: str
    note: str | None = None


def colour(background: str) -> tuple[int, int, int]:
    """Return the RGB values of a colour that is named as in CSS: ``white``, ``#ff8800``.

    Raises:
        UsageError: it is no colour.
    """
    try:
        values = ImageColor.getrgb(background)
    except ValueError as error:
        raise UsageError(f"{background!r} is no colour", hint="name it as in CSS: white, #ff8800") from error
    return values[0], values[1], values[2]


def measure(content: bytes | NDArray[Any]) -> Size:
    """Return the width and height of a picture, from its header, upright.

    Raises:
        UnusableError: it is no picture, or damaged.
    """
    if isinstance(content, np.ndarray):
        return content.shape[1], content.shape[0]
    with _unusable(), _opened(content) as picture:
        return _turned(picture.size, _orientation(picture))


def decode(
    content: bytes | NDArray[Any],
    size: Size,
    *,
    fit: Fit = "crop",
    background: tuple[int, int, int] = (255, 255, 255),
    tiny: bool = False,
) -> Decoded:
    """Decode a picture and bring it to `size`.

    Args:
        content: an encoded picture, or its pixels as uint8 ``(H, W)`` or ``(H, W, C)``.
        size: width and height of the result, in pixels.
        fit: ``"crop"`` takes the largest part in the middle that has the right shape, ``"pad"`` shows the whole picture
            on the background, ``"stretch"`` distorts it.
        background: what is seen through transparent pixels, and around a padded picture.
        tiny: take pictures that are smaller than `SMALLEST`, too, down to a single pixel.

    Raises:
        UnusableError: it is no picture, damaged, too small or a bomb.
    """
    with _unusable():
        if isinstance(content, np.ndarray):
            return _of_array(content, size, fit, background, tiny)
        with _opened(content) as picture:
            mode, orientation = picture.mode, _orientation(picture)
            original = _turned(picture.size, orientation)
            if not tiny:
                _refuse_tiny(original, size)
            note = None
            # An MPO is a photo with a preview in it, or its like for the other eye; that is no animation.
            if getattr(picture, "is_animated", False) and picture.format != "MPO":
                note = "several frames, the first is taken"
                picture.seek(0)
            if picture.format in ("JPEG", "MPO"):
                # The decoder halves the picture up to three times for next to nothing. Twice the size that is needed
                # is kept for the filter that follows, as Pillow does in thumbnail().
                scale = 2 * max(size) / min(picture.size)
                picture.draft(None, (math.ceil(picture.width * scale), math.ceil(picture.height * scale)))
            # It is turned last, when it is small.
            fitted = _fitted(_plain(picture, background), _turned(size, orientation), fit, background)
            if orientation in _UPRIGHT:
                fitted = fitted.transpose(_UPRIGHT[orientation])
            return Decoded(_least_channels(np.asarray(fitted)), original, mode, note)


def pixels_of(picture: Image.Image) -> NDArray[np.uint8]:
    """Return a picture, upright, as uint8 ``(C, H, W)``, one channel or three; what can be seen through lies on white.

    Raises:
        UsageError: its numbers are no colours.
    """
    try:
        flat = np.asarray(_plain(ImageOps.exif_transpose(picture), (255, 255, 255)))
    except UnusableError as error:
        raise UsageError(f"the picture has {error}", hint="save it with 8 bits a channel") from error
    return flat[None] if flat.ndim == 2 else np.ascontiguousarray(flat.transpose(2, 0, 1))


def pictures_of(pixels: NDArray[np.uint8]) -> list[Image.Image]:
    """Return pixels uint8 ``(N, C, H, W)`` as pictures, ``L`` for one channel and ``RGB`` for three."""
    return [Image.fromarray(one[0] if len(one) == 1 else one.transpose(1, 2, 0)) for one in pixels]


@contextmanager
def _unusable() -> Iterator[None]:
    """Turn what decoders raise into `UnusableError`, and keep their warnings from the screen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except Image.DecompressionBombError as error:
            raise UnusableError(_BOMB) from error
        except UnidentifiedImageError as error:
            raise UnusableError("not a picture") from error
        except MemoryError as error:
            raise UnusableError("too large for the memory there is") from error
        except _DAMAGE as error:
            raise UnusableError("damaged or cut off") from error


_BOMB = f"more than {MAX_PIXELS // 1_000_000} million pixels"


@cache
def formats() -> tuple[str, ...]:
    """Return Pillow's names of the formats that are read here."""
    Image.init()
    # Pillow logs what is wrong with some files, and Python prints that where no program listens. We say it ourselves.
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    return tuple(sorted(set(Image.OPEN) - _REFUSED))


def _opened(content: bytes) -> Image.Image:
    if not content:
        raise UnusableError("an empty file")
    picture = Image.open(BytesIO(content), formats=formats())
    if picture.width * picture.height > MAX_PIXELS:
        raise UnusableError(_BOMB)
    return picture


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(0x0112, 1))
    except _DAMAGE:  # the picture may be whole where what is said of it is not
        return 1


def _turned(size: Size, orientation: int) -> Size:
    return (size[1], size[0]) if orientation in (5, 6, 7, 8) else size


def _refuse_tiny(original: Size, size: Size) -> None:
    width, height = (math.ceil(SMALLEST * side) for side in size)
    if original[0] < width or original[1] < height:
        raise UnusableError(f"smaller than {width}×{height}, a quarter of the wanted size")


def _plain(picture: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """Return the picture in mode ``"L"`` or ``"RGB"``."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return Image.fromarray(_eight_bits(np.asarray(picture)))
    if picture.has_transparency_data:
        ground = Image.new("RGBA", picture.size, (*background, 255))
        return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")
    if picture.mode in ("1", "L"):
        return picture.convert("L")
    return picture.convert("RGB")


def _eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale grey values of 16 bits, or floats in [0, 1] or [0, 255], to 8 bits."""
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f":
        if not (low >= 0 and high <= 255):  # also where one is NaN
            raise UnusableError("floating-point values outside of 0 to 255")
        return np.asarray((values * (255 if high <= 1 else 1)).round().astype(np.uint8))
    if not (low >= 0 and high <= 65535):
        raise UnusableError("whole numbers of more than 16 bits")
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 = 255 · 257


def _fitted(picture: Image.Image, size: Size, fit: Fit, background: tuple[int, int, int]) -> Image.Image:
    width, height = picture.size
    lanczos = Image.Resampling.LANCZOS
    if fit == "crop":
        inner = min(width, round(height * size[0] / size[1])), min(height, round(width * size[1] / size[0]))
        inner = max(1, inner[0]), max(1, inner[1])
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        box = (left, top, left + inner[0], top + inner[1])
        return picture.crop(box) if inner == size else picture.resize(size, lanczos, box=box, reducing_gap=3.0)
    if fit == "stretch":
        return picture if picture.size == size else picture.resize(size, lanczos, reducing_gap=3.0)
    scale = min(size[0] / width, size[1] / height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    ground = Image.new("RGB", size, background)
    ground.paste(
        picture.resize(inner, lanczos, reducing_gap=3.0), ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2)
    )
    return ground


def _least_channels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ``(H, W)`` where all three channels are the same."""
    if pixels.ndim == 3 and bool((pixels[..., :1] == pixels[..., 1:]).all()):
        return np.ascontiguousarray(pixels[..., 0])
    return np.ascontiguousarray(pixels)


def _of_array(pixels: NDArray[np.uint8], size: Size, fit: Fit, background: tuple[int, int, int], tiny: bool) -> Decoded:
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    original = (pixels.shape[1], pixels.shape[0])
    if not tiny:
        _refuse_tiny(original, size)
    if channels == 1:
        pixels = pixels.reshape(pixels.shape[:2])
    if original == size and channels != 4:
        return Decoded(_least_channels(pixels), original, mode)
    flat = _plain(Image.fromarray(np.ascontiguousarray(pixels)), background)
    return Decoded(_least_channels(np.asarray(_fitted(flat, size, fit, background))), original, mode)
