"""Pictures one after another as a GIF film, with its label."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

#: Milliseconds that a picture is shown.
FRAME = 80
#: Pixels; smaller pictures are enlarged by a whole factor, so that they can be seen.
SIDE = 128
COLOURS = 256

#: The extension that makes a film start again, for ever; some readers look for it before any other.
_LOOP = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
#: Text that is no sequence of sub-blocks ends in this, so that readers who know no better find its end: XMP
#: specification, part 3, "GIF".
_MAGIC_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"


def encode(pictures: Sequence[Image], xmp: str | None) -> bytes:
    """Return `pictures` (at least one) as a GIF that plays for ever, each with 256 colours of its own.

    Grey pictures keep every shade. Smaller pictures than the largest stand at the upper left, on white; so does what
    can be seen through.

    Args:
        pictures: of any sizes and modes.
        xmp: a packet with labels, or None.
    """
    first, *rest = _frames(pictures)
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=FRAME, loop=0, optimize=False, disposal=1)
    data = buffer.getvalue()
    if xmp is None:
        return data
    place = data.find(_LOOP)
    place = place + len(_LOOP) if place >= 0 else _end_of_header(data)
    packet = b"\x21\xff\x0bXMP DataXMP" + xmp.encode() + _MAGIC_TRAILER
    return data[:place] + packet + data[place:]


def _frames(pictures: Sequence[Image]) -> list[Image]:
    from PIL import Image

    size = max(picture.width for picture in pictures), max(picture.height for picture in pictures)
    scale = max(1, SIDE // max(size))
    mode = "L" if all(picture.mode in ("1", "L") for picture in pictures) else "RGB"
    frames = []
    for picture in pictures:
        frame = Image.new(mode, size, "white")
        shown = picture if mode == "L" else picture.convert("RGBA")
        frame.paste(shown, mask=None if mode == "L" else shown)
        if mode == "RGB":
            frame = frame.quantize(COLOURS, dither=Image.Dither.NONE)
        frames.append(frame.resize((size[0] * scale, size[1] * scale), Image.Resampling.NEAREST))
    return frames


def _end_of_header(data: bytes) -> int:
    """Return where the logical screen descriptor and the global colour table end: GIF89a, sections 18 and 19."""
    flags = data[10]
    return 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
