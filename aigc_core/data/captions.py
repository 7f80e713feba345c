"""Pictures with captions: what joint embeddings learn from, and what is conditioned by one of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from aigc_core.data.gathering import Dataset, digest_of
from aigc_core.data.texts import TextData
from aigc_core.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: Side in pixels of pictures that are only looked at, by an embedder.
SEEN = 128


@dataclass(frozen=True, slots=True)
class CaptionedPictures:
    """Pairs of a picture and a caption; a picture may stand in many of them, and is kept once.

    Attributes:
        pixels: uint8 ``(P, C, H, W)``.
        captions: of each pair, N texts.
        picture_of: int64 ``(N,)``; pair *i* is ``captions[i]`` with ``pixels[picture_of[i]]``.

    Raises:
        UsageError: there is no pair, a caption is empty, or the parts do not fit together.
    """

    pixels: NDArray[np.uint8]
    captions: Sequence[str]
    picture_of: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 4:
            raise UsageError(
                f"pictures are {self.pixels.dtype} of shape {self.pixels.shape}", hint="give uint8 (N, C, H, W)"
            )
        if len(self.captions) != len(self.picture_of) or not len(self.captions):
            raise UsageError(f"{len(self.captions)} captions are of {len(self.picture_of)} pictures")
        if self.picture_of.min() < 0 or self.picture_of.max() >= len(self.pixels):
            raise UsageError(f"captions are of picture {self.picture_of.max()}, and there are {len(self.pixels)}")
        if not all(caption.strip() for caption in self.captions):
            raise UsageError("a caption is empty", hint="leave its pair out")

    def __len__(self) -> int:
        return len(self.captions)

    @classmethod
    def of(cls, data: Dataset) -> Self:
        """Return the pairs of pictures that were read with captions; a picture that was there twice stands once.

        Raises:
            UsageError: no picture has a caption.
        """
        first: dict[bytes, int] = {}
        kept: list[int] = []
        pairs: dict[tuple[str, int], None] = {}
        for place, caption in enumerate(data.captions or ()):
            if caption is None or not caption.strip():
                continue
            digest = digest_of(data.pixels[place])
            if digest not in first:
                first[digest] = len(kept)
                kept.append(place)
            pairs[caption.strip(), first[digest]] = None
        if not pairs:
            raise UsageError(
                "no picture has a caption",
                hint="give a table with columns file_name and caption, or have it in the folder as metadata.csv",
            )
        captions = [caption for caption, _ in pairs]
        return cls(data.pixels[kept], captions, np.array([picture for _, picture in pairs], np.int64))

    @classmethod
    def joined(cls, pixels: NDArray[np.uint8], captions: Iterable[Sequence[str]]) -> Self:
        """Return the pairs of pictures and of several captions each."""
        lists = [list(each) for each in captions]
        flat = [caption for each in lists for caption in each]
        return cls(pixels, flat, np.repeat(np.arange(len(lists)), [len(each) for each in lists]))

    def distinct_captions(self) -> tuple[list[str], NDArray[np.int64]]:
        """Return the captions, each once whatever its case, and for each pair the place of its own, ``(N,)``."""
        places: dict[str, int] = {}
        of = [places.setdefault(caption.casefold(), len(places)) for caption in self.captions]
        firsts = dict(zip(reversed(of), reversed(self.captions), strict=True))
        return [firsts[place] for place in range(len(places))], np.array(of, np.int64)

    def as_texts(self, embed: Callable[[NDArray[np.uint8]], NDArray[np.float32]]) -> TextData:
        """Return the captions as texts to write, each with the vector of its picture.

        Args:
            embed: from uint8 ``(P, C, H, W)`` to float32 ``(P, D)``.
        """
        return TextData(self.captions, vectors=embed(self.pixels)[self.picture_of])
