"""What a prompt is taken for: one of the things that were learnt, the likelier the nearer.

A decoder that was told a few thousand vectors knows those, and makes a blur of what lies between. So a prompt may be
taken for something that is known, drawn anew for each picture: with similarities s of vectors of length 1, a known
vector is drawn with a probability proportional to ``exp(sharpness * s)``. That is attention (Vaswani et al. 2017,
section 3.2.1) over what was learnt, drawn from instead of averaged: the average is what makes blurs.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from aigc_core import Batch, Noise

#: Of numbers of a vector of length 1 in a byte.
STEPS = 127


class Familiar:
    """Collects vectors that pictures are told, and keeps few of them that all pictures are told.

    First come those that are told most often to each picture that is told them: a name is told again and again, a
    general word once each to many. One is kept if a picture is told it that has none yet.
    """

    def __init__(self) -> None:
        self._told: dict[bytes, Counter[int]] = {}

    def watch(self, batch: Batch) -> None:
        """Take note of a batch: pictures ``(B, C, H, W)`` with float32 vectors ``(B, V)``."""
        assert batch.condition is not None
        vectors = batch.condition.float().cpu().numpy()
        for picture, vector in zip(batch.data.cpu().numpy(), vectors, strict=True):
            self._told.setdefault(vector.tobytes(), Counter())[hash(picture.tobytes())] += 1

    def vectors(self) -> Tensor:
        """Return the vectors ``(M, V)`` as int8: of each its direction, with 127 for its largest number."""
        kept: list[NDArray[np.float32]] = []
        covered: set[int] = set()
        for vector, pictures in sorted(self._told.items(), key=self._own, reverse=True):
            if not pictures.keys() <= covered:
                covered |= pictures.keys()
                kept.append(np.frombuffer(vector, np.float32))
        known = torch.from_numpy(np.stack(kept))
        return (known / known.abs().amax(dim=1, keepdim=True) * STEPS).round().to(torch.int8)

    @staticmethod
    def _own(told: tuple[bytes, Counter[int]]) -> tuple[float, int]:
        _, pictures = told
        return pictures.total() / len(pictures), pictures.total()


class Recall:
    """Draws what a prompt is taken for, in numpy and item by item.

    Args:
        known: int8 ``(M, V)``, as `Familiar` collects them.
    """

    def __init__(self, known: Tensor) -> None:
        self._known = normalize(known.double(), dim=1).numpy()

    def draw(self, vector: Any, sharpness: float, noise: Noise) -> NDArray[np.float32]:
        """Return a known vector ``(V,)`` for the one of a prompt."""
        similar = self._known @ np.asarray(vector, np.float64)
        likely = np.exp(sharpness * (similar - similar.max())).cumsum()
        place = int(np.searchsorted(likely, noise.uniform() * likely[-1], side="right"))
        return self._known[min(place, len(likely) - 1)].astype(np.float32)
