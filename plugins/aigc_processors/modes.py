"""The four picture modes that steps work in: L, LA, RGB, RGBA (grey or colour, opaque or not)."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from aigc_core import ItemError

#: Longest side of a picture that any step may make, in pixels; a recipe cannot ask for more.
MAX_SIDE = 8192

_PLAIN = ("L", "LA", "RGB", "RGBA")
_PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}
_BECOMES = {
    "1": "L",  # Lanczos and blur need shades between black and white.
    "PA": "RGBA",
    "La": "LA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "CMYK": "RGB",  # Colour is adjusted, and PNG stores it, as RGB.
    "YCbCr": "RGB",
    "LAB": "RGB",
    "HSV": "RGB",
}


def plain(picture: Image.Image) -> Image.Image:
    """Return a picture in mode L, LA, RGB or RGBA: a copy of the given one, converted where it must be.

    Raises:
        ItemError: the mode has no fixed range of brightness (``I``, ``F``), or is unknown.
    """
    mode = picture.mode
    if mode in _PLAIN:
        if mode in ("L", "RGB") and "transparency" in picture.info:  # one colour is declared transparent
            return picture.convert("LA" if mode == "L" else "RGBA")
        return picture.copy()
    if mode == "P":  # Numbers of a palette cannot be averaged.
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    if mode.startswith("I;16"):
        import numpy as np

        # 0..65535 to 0..255; `convert` would cut off all that is brighter than 255.
        return Image.fromarray((np.asarray(picture).astype(np.uint32) // 257).astype(np.uint8))
    if mode not in _BECOMES:
        raise ItemError(
            f"pictures of mode {mode} have no fixed range of brightness",
            hint="have the generator give L, LA, RGB or RGBA",
        )
    return picture.convert(_BECOMES[mode])


def over_colour(picture: Image.Image, change: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Apply `change` to the colour of a plain picture, and leave its transparency as it is."""
    if picture.mode not in _PREMULTIPLIED:
        return change(picture)
    changed = change(picture.convert(picture.mode[:-1]))
    changed.putalpha(picture.getchannel("A"))
    return changed


def over_premultiplied(picture: Image.Image, change: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Apply `change` with colour weighted by opacity, so that nothing invisible bleeds into what is seen.

    Porter & Duff 1984, "Compositing Digital Images", section 3.
    """
    if picture.mode not in _PREMULTIPLIED:
        return change(picture)
    return change(picture.convert(_PREMULTIPLIED[picture.mode])).convert(picture.mode)
