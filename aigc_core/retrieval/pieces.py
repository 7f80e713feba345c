"""What an embedder is shown: pictures as pixels of one size, and texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from PIL import Image

from aigc_core.data.encoding import decoded as text_of
from aigc_core.data.gathering import stacked
from aigc_core.data.pictures import Size, decode, formats
from aigc_core.data.records import Skipped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aigc_core.pipeline.embedders import ReadyEmbedder

Kind = Literal["image", "text"]
KINDS: tuple[Kind, ...] = ("image", "text")

#: Pixels on a side where a model does not say: as large as common checkpoints look at (SigLIP so400m, 384).
SIDE = 384

#: How the names of files end that hold texts, one a line.
TEXT = ".txt"


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One picture or text on its way to an embedder.

    Attributes:
        name: a picture's path; a text itself.
        kind: which of the two.
        value: pixels, uint8 ``(C, H, W)``, or the text.
    """

    name: str
    kind: Kind
    value: NDArray[np.uint8] | str


@dataclass(frozen=True, slots=True)
class View:
    """How pictures are shown to an embedder.

    Attributes:
        size: width and height in pixels.
        channels: 1 (grey) or 3 (RGB).
    """

    size: Size
    channels: int

    @classmethod
    def of(cls, embedder: ReadyEmbedder) -> View:
        """Return the view of the pictures that an embedder's model was trained on, or a large one."""
        shape = embedder.model.shape if embedder.model else ()
        if len(shape) != 3:
            return cls((SIDE, SIDE), 3)
        return cls((shape[2], shape[1]), 1 if shape[0] == 1 else 3)

    def pixels(self, content: bytes | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a picture of any size as uint8 ``(C, H, W)``: its middle, as `aigc train` shows it; on white.

        Raises:
            UnusableError: it is no picture, damaged, or a bomb.
        """
        decoded = decode(content, self.size, tiny=True)
        pixels: NDArray[np.uint8] = stacked([decoded.pixels], self.size, self.channels)[0]
        return pixels


def kind_of(name: str) -> Kind | None:
    """Say by its name what a file holds, or None."""
    ending = PurePath(name).suffix.lower()
    if ending == TEXT:
        return "text"
    return "image" if ending in _endings() else None


@cache
def _endings() -> frozenset[str]:
    readable = set(formats())
    return frozenset(ending for ending, kind in Image.registered_extensions().items() if kind in readable)


def lines_of(content: bytes, name: str) -> list[tuple[int, str]] | Skipped:
    """Return the lines of a text file that are not blank, with their numbers from 1, or say why there are none."""
    text = text_of(content, name, None)
    if isinstance(text, Skipped):
        return text
    return [(number, line) for number, line in enumerate(map(str.strip, text.split("\n")), 1) if line]
