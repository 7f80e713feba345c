"""A generator without weights: quilts of tiles, mirrored into a kaleidoscope.

The prompt sets the style (palette and motifs), the item's noise sets the pattern. So one prompt gives
pictures that belong together, and one seed gives the same picture each time.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageOps
from pydantic import BaseModel, Field

from aigc_core import Final, Item, Noise

PALETTES = {
    "dunhuang": ("#f2e3c6", "#1f6f78", "#c8553d", "#e8a33d", "#2b2d42"),
    "ocean": ("#f1f7f6", "#0b3954", "#087e8b", "#bfd7ea", "#ff5a5f"),
    "garden": ("#fbf7ea", "#386641", "#6a994e", "#f2a6b3", "#bc4749"),
    "dusk": ("#fde8d7", "#355070", "#6d597a", "#e56b6f", "#eaac8b"),
    "porcelain": ("#f8f9f7", "#12356b", "#2f66b3", "#9cc0e7", "#d9a441"),
}
MOTIFS = ("leaf", "quarter", "rings", "triangle", "dot", "petals", "stripes")
SMOOTH = 4  # drawn four times as large, then scaled down, for smooth edges


class TilesOptions(BaseModel, extra="forbid"):
    """What ``--set`` takes. Bounds are checked before anything is drawn."""

    size: int = Field(256, ge=16, le=2048, description="width and height in pixels")
    tiles: int = Field(8, ge=4, le=32, multiple_of=2, description="tiles along one side, even")
    palette: Literal["auto", "dunhuang", "ocean", "garden", "dusk", "porcelain"] = Field(
        "auto", description="colours; auto: chosen by the prompt, or by the seed where there is none"
    )


class Tiles:
    """aigc calls ``factory(model)`` once, here with None, and then ``generate`` with the items."""

    def __init__(self, model: None) -> None:
        pass

    def generate(self, items: Sequence[Item]) -> Iterator[Final]:
        for index, item in enumerate(items):
            yield Final(index, draw_quilt(item.prompt, item.options, item.noise))


def draw_quilt(prompt: str | None, options: TilesOptions, noise: Noise) -> Image.Image:
    """Draw one picture, RGB, ``options.size`` pixels square."""
    # A stream named after the prompt gives the same style for any seed. Never use `random`: what comes from
    # noise streams can be made again.
    style = Noise(0, f"hello/tiles {prompt}") if prompt else noise
    name = options.palette if options.palette != "auto" else list(PALETTES)[style.choice(len(PALETTES))]
    motifs = [MOTIFS[i] for i in np.argsort(style.uniform(len(MOTIFS)))[:3]]

    half = options.tiles // 2
    side = -(-options.size * SMOOTH // options.tiles)  # of one tile, rounded up
    corner = Image.new("RGB", (half * side, half * side))
    for row in range(half):
        for column in range(row + 1):
            tile = draw_tile(side, motifs[noise.choice(3)], PALETTES[name], noise)
            corner.paste(tile, (column * side, row * side))
            corner.paste(tile.transpose(Image.Transpose.TRANSPOSE), (row * side, column * side))
    quilt = mirror(corner)
    return quilt.resize((options.size, options.size), Image.Resampling.BOX)


def mirror(corner: Image.Image) -> Image.Image:
    """Make a picture of which `corner` is the top left quarter."""
    side = corner.width
    picture = Image.new(corner.mode, (2 * side, 2 * side))
    picture.paste(corner, (0, 0))
    picture.paste(ImageOps.mirror(corner), (side, 0))
    picture.paste(ImageOps.flip(picture.crop((0, 0, 2 * side, side))), (0, side))
    return picture


def draw_tile(side: int, motif: str, palette: Sequence[str], noise: Noise) -> Image.Image:
    """Draw one tile, `side` pixels square, in three colours of the palette, turned at random."""
    draws = noise.uniform(len(palette))
    draws[0] /= 3  # the first colour of each palette is light, and makes the better ground
    ground, ink, accent = (palette[i] for i in np.argsort(draws)[:3])
    tile = Image.new("RGB", (side, side), ground)
    draw = ImageDraw.Draw(tile)
    if motif == "leaf":
        draw.bitmap((0, 0), leaf(side), fill=ink)
        draw.line((0, side, side, 0), fill=accent, width=side // 16)
    elif motif == "quarter":
        draw.circle((0, 0), side * 0.98, fill=ink)
        draw.circle((0, 0), side * 0.5, fill=accent)
    elif motif == "rings":
        for radius, colour in ((0.98, ink), (0.76, ground), (0.54, accent), (0.3, ground)):
            draw.circle((0, 0), side * radius, fill=colour)
    elif motif == "triangle":
        draw.polygon(((0, 0), (side, 0), (0, side)), fill=ink)
        draw.polygon(((0, 0), (side / 2, 0), (0, side / 2)), fill=accent)
    elif motif == "dot":
        draw.circle((side / 2, side / 2), side * 0.36, fill=ink)
        draw.circle((side / 2, side / 2), side * 0.16, fill=accent)
    elif motif == "petals":
        for x, y in ((0, 0), (side, 0), (0, side), (side, side)):
            draw.circle((x, y), side / 2, fill=ink)
        draw.circle((side / 2, side / 2), side * 0.14, fill=accent)
    else:  # stripes
        for i in range(0, 8, 2):
            draw.polygon(band(side, i / 4, (i + 1) / 4), fill=ink if i % 4 else accent)
    return tile.rotate(90 * noise.choice(4))


def leaf(side: int) -> Image.Image:
    """Return a mask: what two quarter circles around opposite corners have in common."""
    y, x = np.mgrid[0:side, 0:side]
    inside = (x**2 + y**2 < side**2) & ((side - x) ** 2 + (side - y) ** 2 < side**2)
    return Image.fromarray(inside.astype(np.uint8) * 255)


def band(side: int, start: float, end: float) -> list[tuple[float, float]]:
    """Return the corners of a diagonal band: where start <= (x + y) / side < end."""
    return [(start * side, 0), (end * side, 0), (0, end * side), (0, start * side)]
