"""A film of a training: its sheets of samples one after another, as a GIF small enough to be sent around."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from aigc_core.provenance import store

T = TypeVar("T")

LIMIT = 3_000_000  # bytes
FRAME = 120  # milliseconds: a film of 60 frames takes seven seconds
LAST_FRAME = 2500

#: Longest side in pixels, frames and colours, from good to small. A GIF packs noise badly: early samples are noise.
QUALITIES = ((720, 60, 128), (560, 60, 64), (480, 45, 64), (400, 30, 32), (320, 20, 32), (240, 12, 16), (160, 6, 8))


def film(folder: Path, path: Path, limit: int = LIMIT) -> Path | None:
    """Make a GIF of the sheets ``step-*.png`` in `folder`, and return its path; None where there are none.

    Frames are left out evenly, colours reduced and pictures made smaller until it has at most `limit` bytes, or is
    as small as it gets. First and last sheet are always in it. One palette serves all frames, without dithering:
    what stands still stays still, and packs well.

    Raises:
        FileError: it cannot be written.
    """
    sheets = sorted(folder.glob("step-*.png"))
    if not sheets:
        return None
    data = b""
    for side, frames, colours in QUALITIES:
        data = _gif(_spread(sheets, frames), side, colours)
        if len(data) <= limit:
            break
    return store(path, data)


def _spread(things: Sequence[T], count: int) -> list[T]:
    places = np.linspace(0, len(things) - 1, min(count, len(things))).round().astype(int)
    return [things[place] for place in places]


def _gif(sheets: Sequence[Path], side: int, colours: int) -> bytes:
    frames = [_frame(sheet, side) for sheet in sheets]
    palette = _palette(frames, colours)
    pictures = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=[*[FRAME] * (len(pictures) - 1), LAST_FRAME],
        loop=0,
        optimize=False,  # would take each frame's palette apart again
    )
    return buffer.getvalue()


def _frame(path: Path, side: int) -> Image.Image:
    with Image.open(path) as sheet:
        frame = sheet.convert("RGB")
    if max(frame.size) > side:
        frame.thumbnail((side, side), Image.Resampling.BOX)
    return frame


def _palette(frames: Sequence[Image.Image], colours: int) -> Image.Image:
    """Choose the colours for all frames from a few of them; the last one, which is looked at longest, counts most."""
    some = [*_spread(frames, 6), frames[-1]]
    width, height = frames[0].size
    strip = Image.new("RGB", (width, height * len(some)))
    for place, frame in enumerate(some):
        strip.paste(frame.resize((width, height)), (0, place * height))
    return strip.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
