"""Steps that change detail: blur, median, sharpen."""

from __future__ import annotations

from PIL import Image, ImageFilter
from pydantic import BaseModel, Field, field_validator

from aigc_core import StepContext
from aigc_processors.modes import over_colour, over_premultiplied, plain


class BlurOptions(BaseModel, extra="forbid", frozen=True, allow_inf_nan=False):
    """How much is blurred."""

    radius: float = Field(2.0, ge=0, le=100, description="standard deviation of the Gaussian, in pixels")


def blur(picture: Image.Image, context: StepContext) -> Image.Image:
    """Return the picture blurred, edges of transparent parts included."""
    gaussian = ImageFilter.GaussianBlur(context.options.radius)
    return over_premultiplied(plain(picture), lambda part: part.filter(gaussian))


class MedianOptions(BaseModel, extra="forbid", frozen=True):
    """How far a pixel looks around."""

    size: int = Field(3, ge=3, le=15, description="side of the window in pixels, odd")

    @field_validator("size")
    @classmethod
    def _is_odd(cls, size: int) -> int:
        if size % 2 == 0:
            raise ValueError(f"a window has a middle: take {size - 1} or {size + 1}")
        return size


def median(picture: Image.Image, context: StepContext) -> Image.Image:
    """Return the picture with each pixel replaced by the median around it; transparency stays."""
    window = ImageFilter.MedianFilter(context.options.size)
    return over_colour(plain(picture), lambda colour: colour.filter(window))


class SharpenOptions(BaseModel, extra="forbid", frozen=True, allow_inf_nan=False):
    """The unsharp mask: how wide, how strong, and from which difference on."""

    radius: float = Field(2.0, ge=0, le=100, description="of the blur that is subtracted, in pixels")
    percent: int = Field(150, ge=0, le=500, description="strength; 100 adds the difference once")
    threshold: int = Field(3, ge=0, le=255, description="smallest difference that is sharpened, of 255")


def sharpen(picture: Image.Image, context: StepContext) -> Image.Image:
    """Return the picture with its edges sharpened; transparency stays."""
    options: SharpenOptions = context.options
    mask = ImageFilter.UnsharpMask(options.radius, options.percent, options.threshold)
    return over_colour(plain(picture), lambda colour: colour.filter(mask))
