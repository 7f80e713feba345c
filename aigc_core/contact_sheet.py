"""Many pictures on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

CELL = 64  # pixels; smaller pictures are enlarged by a whole factor, so that they can be seen
GAP = 4
CAPTION_HEIGHT = 14


def contact_sheet(
    pictures: Sequence[Image], captions: Sequence[str] | None = None, columns: int | None = None
) -> Image:
    """Lay `pictures` out in rows on a white sheet.

    Args:
        pictures: at least one; of any sizes and modes. All cells are as large as the largest.
        captions: one line under each, e.g. the seed.
        columns: default: about as many as rows.

    Returns:
        A picture of mode ``"RGB"``.
    """
    from PIL import Image, ImageDraw, ImageFont

    columns = columns or math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    largest = max(max(picture.size) for picture in pictures)
    scale = max(1, CELL // largest)
    width = max(picture.width for picture in pictures) * scale + GAP
    height = max(picture.height for picture in pictures) * scale + GAP + (CAPTION_HEIGHT if captions else 0)
    sheet = Image.new("RGB", (columns * width + GAP, rows * height + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(10) if captions else None
    for index, picture in enumerate(pictures):
        left, top = GAP + (index % columns) * width, GAP + (index // columns) * height
        shown = picture.convert("RGBA")
        if scale > 1:
            shown = shown.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
        sheet.paste(shown, (left, top), shown)
        if captions:
            draw.text((left, top + shown.height + 1), captions[index], fill="black", font=font)
    return sheet
