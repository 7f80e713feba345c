"""A postprocessor: picture in, picture out."""

from PIL import Image, ImageOps
from pydantic import BaseModel, Field

from aigc_core import StepContext


class FrameOptions(BaseModel, extra="forbid"):
    """Given on the command line as ``--post "hello/frame width=12 color=black"``."""

    width: int = Field(8, ge=1, le=256, description="of the frame in pixels; the mat is twice as wide")
    color: str = Field("#3b2a20", max_length=64, description="of the frame: a name or #rrggbb")
    mat: str = Field("#faf6ee", max_length=64, description="of the mat between picture and frame")


def frame(picture: Image.Image, context: StepContext) -> Image.Image:
    """Return a new picture, larger on each side by three times ``width``."""
    options: FrameOptions = context.options
    if picture.mode not in ("RGB", "RGBA"):
        picture = picture.convert("RGB")  # a grey picture may have a coloured frame
    matted = ImageOps.expand(picture, 2 * options.width, options.mat)
    return ImageOps.expand(matted, options.width, options.color)
