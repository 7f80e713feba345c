"""Searching an index: exact, by cosine similarity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.errors import UsageError
from aigc_core.retrieval.pieces import Kind
from aigc_core.retrieval.queries import piece_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from aigc_core.pipeline.embedders import ReadyEmbedder
    from aigc_core.retrieval.refreshing import Changes
    from aigc_core.retrieval.store import Stored

#: Rows that are looked at in double precision together.
_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found.

    Attributes:
        rank: from 1.
        similarity: cosine of the angle between its vector and that of the query, -1 to 1.
        kind: ``"image"`` or ``"text"``.
        file: its path below the folder that was searched.
        line: of a text: which line of the file it is, from 1.
        text: of a text: itself.
        path: of the file, where the folder is known.
    """

    rank: int
    similarity: float
    kind: Kind
    file: str
    line: int | None = None
    text: str | None = None
    path: Path | None = None

    @property
    def item(self) -> str:
        """The file, with the line."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


class Index:
    """Vectors of the items of a folder.

    Attributes:
        embedder: what made the vectors, and makes those of queries.
        folder: what was indexed, where that is known.
        place: where the index is kept; None: in memory.
        changes: what was different from the index before; None: it was taken as it was.
    """

    def __init__(
        self,
        stored: Stored,
        embedder: ReadyEmbedder,
        *,
        folder: Path | None = None,
        place: Path | None = None,
        changes: Changes | None = None,
    ) -> None:
        self._vectors, self._files = stored.vectors, stored.manifest.files
        self.embedder, self.folder, self.place, self.changes = embedder, folder, place, changes

    def __len__(self) -> int:
        return len(self._vectors)

    @cached_property
    def _file_of(self) -> NDArray[np.int64]:
        """The file of each row, int64 ``(N,)``."""
        counts = np.array([entry.count for entry in self._files], np.int64)
        return np.repeat(np.arange(len(counts)), counts)

    def count(self, modality: Kind) -> int:
        """Return how many items there are of a modality."""
        return len(self._rows(modality))

    def _rows(self, modality: Kind) -> NDArray[np.int64]:
        wanted = np.array([entry.kind == modality for entry in self._files], bool)
        return np.flatnonzero(wanted[self._file_of])

    def find(self, query: str | Path | Image, k: int = 10, modality: Kind | None = None) -> list[Hit]:
        """Return the `k` items nearest to a text, a picture, or the picture in a file (`Path`); as `search`.

        Raises:
            UsageError: the text is empty, the embedder does not look at such things or sees nothing, as `search`.
            FileError: the file cannot be read as a picture.
            PluginError: the embedder failed.
        """
        piece = piece_of(query, self.embedder)
        values = np.stack([piece.value]) if piece.kind == "image" else [piece.value]
        vector = self.embedder.embed(values)[0]
        if not vector.any():
            raise UsageError(f"{self.embedder.name} sees nothing in {piece.name!r}", hint="look for something else")
        return self.search(vector, k, modality)

    def search(self, vector: NDArray[np.float32], k: int = 10, modality: Kind | None = None) -> list[Hit]:
        """Return the `k` items nearest to a vector, or all where there are fewer; equal ones in the items' order.

        Args:
            vector: float32 ``(D,)``, of any length but zero.
            k: at least 1.
            modality: only such items.

        Raises:
            UsageError: `k` is less than 1, or the vector is of another space or zero.
        """
        if k < 1:
            raise UsageError(f"-k {k}: at least one item has to be asked for")
        dimensions = self._vectors.shape[1]
        length = np.linalg.norm(vector.astype(np.float64))
        if vector.shape != (dimensions,) or not length:
            raise UsageError(f"a query is a vector of {dimensions} numbers that are not all zero")
        rows = None if modality is None else self._rows(modality)
        best = nearest(self._vectors, vector / length, k, rows)
        return [self._hit(rank, row, similarity) for rank, (row, similarity) in enumerate(best, 1)]

    def _hit(self, rank: int, row: int, similarity: float) -> Hit:
        entry = self._files[self._file_of[row]]
        line, text = entry.lines[row - entry.row] if entry.kind == "text" else (None, None)
        path = None if self.folder is None else self.folder / entry.path
        return Hit(rank, similarity, entry.kind, entry.path, line, text, path)


def nearest(
    vectors: NDArray[np.float32], query: NDArray[np.floating], k: int, rows: NDArray[np.int64] | None = None
) -> Sequence[tuple[int, float]]:
    """Return the rows with the largest products with `query`, and the products, largest first; ties by row.

    All rows are gone through in single precision, and those that could be among the first by its rounding once more
    in double precision: the result is that of a whole sort in double precision.

    Args:
        vectors: float32 ``(N, D)``, rows of length 1 or 0.
        query: ``(D,)``, of length 1.
        k: how many.
        rows: only these, ascending.
    """
    rough = vectors @ query.astype(np.float32)
    if rows is not None:
        rough = rough[rows]
    k = min(k, len(rough))
    if not k:
        return []
    # A sum of D products is off by at most D roundings of numbers no larger than 1 (Higham 2002, section 3.1); the
    # query has been rounded, too.
    margin = 2 * (vectors.shape[1] + 2) * float(np.finfo(np.float32).eps)
    least = np.partition(rough, -k)[-k]
    places = np.flatnonzero(rough >= least - margin)
    candidates = places if rows is None else rows[places]
    exact = np.concatenate(
        [
            # Not a matrix product: there the last bit of a row depends on where it stands, and equals would differ.
            (vectors[candidates[start : start + _CHUNK]] * query.astype(np.float64)).sum(axis=1)
            for start in range(0, len(candidates), _CHUNK)
        ]
    )
    order = np.argsort(-exact, kind="stable")[:k]
    return [(int(candidates[place]), float(exact[place])) for place in order]
