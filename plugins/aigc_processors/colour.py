"""Steps that change colour: adjust, background."""

from __future__ import annotations

from PIL import Image, ImageColor, ImageEnhance
from pydantic import BaseModel, Field, field_validator

from aigc_core import StepContext
from aigc_processors.modes import over_colour, plain


class AdjustOptions(BaseModel, extra="forbid", frozen=True, allow_inf_nan=False):
    """Factors; 1 leaves the picture as it is."""

    brightness: float = Field(1.0, ge=0, le=10, description="0 is black, 1 unchanged, 2 twice as bright")
    contrast: float = Field(1.0, ge=0, le=10, description="0 is even grey, 1 unchanged")
    color: float = Field(1.0, ge=0, le=10, description="0 is grey, 1 unchanged; no effect on grey pictures")


def adjust(picture: Image.Image, context: StepContext) -> Image.Image:
    """Return the picture with brightness, contrast and colour changed, in this order; transparency stays."""
    options: AdjustOptions = context.options

    def change(colour: Image.Image) -> Image.Image:
        # A factor of 1 is skipped, for blending with itself may round.
        if options.brightness != 1:
            colour = ImageEnhance.Brightness(colour).enhance(options.brightness)
        if options.contrast != 1:
            colour = ImageEnhance.Contrast(colour).enhance(options.contrast)
        if options.color != 1 and colour.mode == "RGB":
            colour = ImageEnhance.Color(colour).enhance(options.color)
        return colour

    return over_colour(plain(picture), change)


class BackgroundOptions(BaseModel, extra="forbid", frozen=True):
    """What stands behind transparent pixels."""

    color: str = Field("white", max_length=64, description="a name (white), #rrggbb, or a form like hsl(120, 50%, 50%)")

    @field_validator("color")
    @classmethod
    def _is_a_colour(cls, color: str) -> str:
        try:
            opaque = len(ImageColor.getrgb(color)) == 3
        except ValueError as error:
            raise ValueError(f"{color!r} is no colour; try white, #ff8800 or hsl(30, 100%, 50%)") from error
        if not opaque:
            raise ValueError(f"{color!r} is transparent itself; give #rrggbb")
        return color


def background(picture: Image.Image, context: StepContext) -> Image.Image:
    """Return the picture without transparency, on a colour; one that has none is returned as it is."""
    picture = plain(picture)
    if picture.mode not in ("LA", "RGBA"):
        return picture
    red, green, blue = ImageColor.getrgb(context.options.color)[:3]
    ground = Image.new("RGBA", picture.size, (red, green, blue, 255))
    ground.alpha_composite(picture.convert("RGBA"))
    # A grey picture on a grey ground stays grey.
    return ground.convert("L" if picture.mode == "LA" and red == green == blue else "RGB")
