"""A one-file plugin with a small embedder that is real: pictures and texts in one space, whose axes are colours."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from aigc_core import EmbedderSpec, hookimpl

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 160, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 230, 0),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
}


class ColourOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    softness: float = Field(default=60.0, gt=0, description="how far apart two colours may be to look alike")
    longer: bool = Field(default=False, description="misbehave: texts get a number more")


class Colours:
    """A picture is how near its mean colour is to each of the named ones; a text is which of their names it has."""

    fingerprint = "colours 1"

    def __init__(self, model: None, options: ColourOptions) -> None:
        self._options = options

    def embed(self, items):
        """Return float32 ``(N, 6)``."""
        if isinstance(items, np.ndarray):
            return np.stack([self._of_picture(pixels) for pixels in items])
        vectors = np.array([[text.lower().split().count(name) for name in COLOURS] for text in items], np.float32)
        return np.pad(vectors, ((0, 0), (0, 1))) if self._options.longer else vectors

    def _of_picture(self, pixels):
        mean = pixels.reshape(pixels.shape[0], -1).mean(axis=1, dtype=np.float64)
        distances = np.array([np.linalg.norm(mean - colour) for colour in COLOURS.values()])
        return np.exp(-distances / self._options.softness).astype(np.float32)


class Palette(Colours):
    """The same with a model: its weight says how soft it is."""

    def __init__(self, model, options: ColourOptions) -> None:
        super().__init__(None, ColourOptions(softness=model.tensors()["softness"].item()))

    def embed(self, items):
        """Return float32 ``(N, 6)`` of length 1, or 0 for a text without a colour."""
        vectors = super().embed(items)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-6)


@hookimpl
def aigc_embedders():
    """Declare the embedder, one that looks at pictures only, and one with a model."""
    return [
        EmbedderSpec("colours", "image", Colours, options=ColourOptions, also=("text",)),
        EmbedderSpec("colours-of-pictures", "image", Colours, options=ColourOptions),
        EmbedderSpec("acme/palette", "image", Palette, options=ColourOptions, also=("text",), needs_model=True),
    ]
