"""Pictures with captions as they are learnt from: an example is a pair."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray

from aigc_core import Batch, CaptionedPictures, DataShape, Pictures
from aigc_crossmodal.tokens import TOKENIZER, Tokenizer


class Pairs:
    """Pairs of a picture and the tokens of its caption.

    Batches have as condition the number of each picture, ``(B,)``: pairs of one number belong together.

    Args:
        captioned: the pairs.
        tokenizer: of the captions.
        files: what else belongs to a model of them.
    """

    def __init__(
        self, captioned: CaptionedPictures, tokenizer: Tokenizer, files: Mapping[str, bytes] = MappingProxyType({})
    ) -> None:
        self._pictures = Pictures(captioned.pixels)
        self._picture_of = captioned.picture_of
        # Captions stand in many pairs; each is kept once.
        different = {caption: place for place, caption in enumerate(dict.fromkeys(captioned.captions))}
        self._captions = tokenizer.encode_all(list(different))
        self._caption_of = np.array([different[caption] for caption in captioned.captions], np.int64)
        self.described = DataShape(captioned.pixels.shape[1:], files={**files, TOKENIZER: tokenizer.to_bytes()})

    def __len__(self) -> int:
        return len(self._picture_of)

    def batch(self, indices: NDArray[np.int64]) -> Batch:
        """Return pictures ``(B, C, H, W)``, captions ``(B, S)`` as long as the longest of them, and numbers."""
        numbers = self._picture_of[indices]
        tokens = self._captions[self._caption_of[indices]]
        longest = int((tokens != 0).sum(axis=1).max())
        return Batch(
            self._pictures.batch(numbers).data,
            condition=torch.from_numpy(numbers),
            captions=torch.from_numpy(tokens[:, :longest]),
        )
