"""Embedding a stream of pictures and texts, a few at a time, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.errors import PluginError
from aigc_core.retrieval.pieces import Kind, Piece

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aigc_core.pipeline.embedders import ReadyEmbedder

#: Pictures and texts that are in memory at a time.
BATCH = 64


def embed_items(embedder: ReadyEmbedder, pieces: Iterable[Piece]) -> Iterator[tuple[Piece, NDArray[np.float32]]]:
    """Yield each piece with its vector, float32 ``(D,)``, in order; no more than `BATCH` pieces are taken ahead.

    Raises:
        PluginError: the embedder failed, or its vectors differ in length.
    """
    left, dimensions = iter(pieces), 0
    while batch := list(islice(left, BATCH)):
        for piece, vector in zip(batch, _embedded(embedder, batch), strict=True):
            dimensions = dimensions or len(vector)
            if len(vector) != dimensions:
                raise PluginError(
                    f"embedder {embedder.name!r} (plugin {embedder.plugin}) gave vectors of "
                    f"{dimensions} and of {len(vector)} numbers, which are no one space"
                )
            yield piece, vector


def _embedded(embedder: ReadyEmbedder, batch: list[Piece]) -> list[NDArray[np.float32]]:
    """Return the vectors of a batch: its pictures are looked at together, and its texts."""
    vectors: dict[int, NDArray[np.float32]] = {}
    places: dict[Kind, list[int]] = {}
    for place, piece in enumerate(batch):
        places.setdefault(piece.kind, []).append(place)
    for kind, mine in places.items():
        values = [batch[place].value for place in mine]
        vectors.update(zip(mine, embedder.embed(np.stack(values) if kind == "image" else values), strict=True))
    return [vectors[place] for place in range(len(batch))]
