"""Steps that change the size of a picture: crop, resize, upscale."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from PIL import Image
from pydantic import BaseModel, BeforeValidator, Field, model_validator

from aigc_core import ItemError, StepContext
from aigc_processors.modes import MAX_SIDE, plain

Gravity = Literal["center", "north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest"]
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Size = tuple[int, int]


def _numbers(value: object) -> object:
    """Take ``box=0,0,64,64`` as it comes from the command line."""
    return value.split(",") if isinstance(value, str) else value


Offset = Annotated[int, Field(ge=0, le=10 * MAX_SIDE)]
Box = Annotated[tuple[Offset, Offset, Offset, Offset], BeforeValidator(_numbers)]


class _SizeOptions(BaseModel, extra="forbid", frozen=True):
    size: Side | None = Field(None, description="width and height in pixels, both the same")
    width: Side | None = Field(None, description="width in pixels")
    height: Side | None = Field(None, description="height in pixels")

    def _named(self) -> tuple[int | None, int | None]:
        return (self.width or self.size, self.height or self.size)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.size and (self.width or self.height):
            raise ValueError("give either size, or width and height")
        return self


class CropOptions(_SizeOptions):
    """What is cut out: a box, or a size at the side that `gravity` names."""

    box: Box | None = Field(None, description="left,top,right,bottom in pixels; right and bottom are outside")
    gravity: Gravity = Field("center", description="where the size is cut out")

    @model_validator(mode="after")
    def _box_or_size(self) -> Self:
        if (self.box is None) == (self._named() == (None, None)):
            raise ValueError("give either box=LEFT,TOP,RIGHT,BOTTOM or a size, as in size=64")
        if self.box and not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise ValueError("a box is left,top,right,bottom, with left < right and top < bottom")
        return self


def crop(picture: Image.Image, context: StepContext) -> Image.Image:
    """Return a part of the picture.

    Raises:
        ItemError: the part is not all inside the picture.
    """
    options: CropOptions = context.options
    box = options.box or _box_at(picture.size, _crop_size(picture.size, options), options.gravity)
    if box[0] < 0 or box[1] < 0 or box[2] > picture.width or box[3] > picture.height:
        raise ItemError(
            f"crop: the box {','.join(map(str, box))} leaves the picture, which is {_spell(picture.size)}",
            hint="crop less, or resize first",
        )
    return plain(picture).crop(box)


def _crop_size(size: Size, options: CropOptions) -> Size:
    width, height = options._named()
    return (width or size[0], height or size[1])


def _box_at(size: Size, part: Size, gravity: Gravity) -> tuple[int, int, int, int]:
    left = 0 if "west" in gravity else size[0] - part[0] if "east" in gravity else (size[0] - part[0]) // 2
    top = 0 if "north" in gravity else size[1] - part[1] if "south" in gravity else (size[1] - part[1]) // 2
    return (left, top, left + part[0], top + part[1])


class ResizeOptions(_SizeOptions):
    """How large the picture becomes; with width or height alone, the other one follows its proportions."""

    fit: Literal["contain", "cover", "stretch"] = Field(
        "contain",
        description="contain: whole, within the size; cover: fill the size, and cut off the rest; "
        "stretch: exactly the size, out of proportion if need be",
    )
    resample: Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] = Field(
        "lanczos", description="how pixels are interpolated; nearest keeps pixel art crisp"
    )

    @model_validator(mode="after")
    def _some_size(self) -> Self:
        if self._named() == (None, None):
            raise ValueError("give size=PIXELS, or width=PIXELS, height=PIXELS or both")
        return self


def resize(picture: Image.Image, context: StepContext) -> Image.Image:
    """Return the picture scaled.

    Raises:
        ItemError: the side that was not given would be longer than 8192 pixels.
    """
    options: ResizeOptions = context.options
    width, height = options._named()
    resample = Image.Resampling[options.resample.upper()]
    if width and height and options.fit == "stretch":
        return plain(picture).resize((width, height), resample)
    scales = [to / side for to, side in zip((width, height), picture.size, strict=True) if to]
    scale = max(scales) if options.fit == "cover" else min(scales)
    if width and height and options.fit == "cover":
        # Cut before scaling: what is cut off need not be computed, nor fit into memory.
        part = (min(round(width / scale), picture.width), min(round(height / scale), picture.height))
        part = (max(part[0], 1), max(part[1], 1))
        return plain(picture).crop(_box_at(picture.size, part, "center")).resize((width, height), resample)
    return plain(picture).resize(_scaled(picture.size, scale, "resize"), resample)


class UpscaleOptions(BaseModel, extra="forbid", frozen=True):
    """How much larger the picture becomes."""

    factor: int = Field(2, ge=2, le=8, description="how many times as wide and as high")


def upscale(picture: Image.Image, context: StepContext) -> Image.Image:
    """Return the picture enlarged by a whole factor.

    Raises:
        ItemError: a side would be longer than 8192 pixels.
    """
    size = _scaled(picture.size, context.options.factor, "upscale")
    return plain(picture).resize(size, Image.Resampling.LANCZOS)


def _scaled(size: Size, scale: float, step: str) -> Size:
    scaled = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    if max(scaled) > MAX_SIDE:
        raise ItemError(
            f"{step}: {_spell(size)} would become {_spell(scaled)}",
            hint=f"no side may be longer than {MAX_SIDE} pixels",
        )
    return scaled


def _spell(size: Size) -> str:
    return f"{size[0]}×{size[1]}"
