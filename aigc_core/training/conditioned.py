"""What is told to a component beside each example: vectors that a model of another plugin makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from aigc_core.errors import UsageError
from aigc_core.models import Required
from aigc_core.training.contract import Batch, DataShape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aigc_core.data import CaptionedPictures
    from aigc_core.models import Model
    from aigc_core.pipeline.embedders import Embedders, ReadyEmbedder


@dataclass(frozen=True, slots=True)
class VectorSource:
    """The embedder that ``--condition vector=MODEL`` names.

    Attributes:
        model: with its weights.
        of: modality of what is embedded: captions for pictures to be made, pictures for texts to be written.
    """

    model: Model
    of: str
    embedders: Embedders = field(repr=False, compare=False)

    def open(self) -> ReadyEmbedder:
        """Return it, loaded. Raises as `Embedders.open`."""
        known = self.model.spec is not None
        return self.embedders.open(self.model.name if known else str(self.model.folder), self.of)

    def required(self) -> Required:
        """Return what a model that was trained with its vectors says of it."""
        name, space = self.model.name, self.open().space_id
        return Required.model_validate({"model": name, "sha256": self.model.sha256, "space_id": space, "of": self.of})


class ConditionedPictures:
    """Pictures to be made, each told the vector of one of its captions; an example is a pair.

    Args:
        pairs: pictures and captions.
        embed: from texts to float32 ``(N, D)``; each caption is embedded once.
    """

    def __init__(self, pairs: CaptionedPictures, embed: Callable[[list[str]], NDArray[np.float32]]) -> None:
        captions, self._caption_of = pairs.distinct_captions()
        self._pixels = torch.from_numpy(np.ascontiguousarray(pairs.pixels))
        self._picture_of = pairs.picture_of
        self._vectors = torch.from_numpy(np.ascontiguousarray(embed(captions)))
        self.described = DataShape(pairs.pixels.shape[1:], vector=self._vectors.shape[1])

    def __len__(self) -> int:
        return len(self._picture_of)

    def batch(self, indices: NDArray[np.int64]) -> Batch:
        """Return pictures as float32 in [0, 1], ``(B, C, H, W)``, and vectors ``(B, D)``."""
        data = self._pixels.index_select(0, torch.as_tensor(self._picture_of[indices])).float().div_(255)
        return Batch(data, self._vectors.index_select(0, torch.as_tensor(self._caption_of[indices])))


def vector_source(given: str, conditions: tuple[str, ...], modality: str, embedders: Embedders) -> VectorSource:
    """Return what ``--condition`` names, ``KIND=MODEL``.

    Args:
        conditions: that the component can be steered by.
        modality: of what it makes.

    Raises:
        UsageError: the component cannot be steered so, or there is no such model, or it is no such embedder.
    """
    kind, _, name = given.partition("=")
    if kind != "vector" or not name:
        raise UsageError(f"--condition {given!r} is not known", hint="for example: --condition vector=emoji-joint")
    if "vector" not in conditions:
        raise UsageError("this component cannot be told vectors", hint="leave --condition out")
    model, entry = embedders.find(name)
    of = "image" if modality == "text" else "text"
    if model is None:
        raise UsageError(f"{name} has no weights, and no model can require it", hint="name a model of an embedder")
    looks = (entry.spec.modality, *entry.spec.also)
    if of not in looks:
        raise UsageError(f"{name} looks at {' and '.join(looks)}, and {of} is to be embedded", hint="name another one")
    return VectorSource(model, of, embedders)
