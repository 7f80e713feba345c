"""Vectors of pictures and texts, and the files they are written to."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.content import JSON
from aigc_core.data.records import Skipped
from aigc_core.data.survey import described, tallies
from aigc_core.errors import FileError, UsageError
from aigc_core.provenance.atomic import store_all
from aigc_core.retrieval.embedding import embed_items
from aigc_core.retrieval.opening import default_model, open_any
from aigc_core.retrieval.pieces import Kind
from aigc_core.retrieval.reading import Reader

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from aigc_core.pipeline import Pipeline
    from aigc_core.pipeline.embedders import ReadyEmbedder

ENDINGS = (".parquet", ".npy", ".jsonl")


@dataclass(frozen=True, slots=True)
class Space:
    """Where vectors are from.

    Attributes:
        space_id: only vectors of one space are compared.
        model: name of the model or embedder, with its options.
        sha256: of the model's ``aigc.json``; empty: it has none.
    """

    space_id: str
    model: str
    sha256: str

    @classmethod
    def of(cls, embedder: ReadyEmbedder) -> Space:
        """Return the space of an embedder."""
        return cls(embedder.space_id, embedder.name, embedder.model.sha256 if embedder.model else "")


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors of one space, and what they are of.

    Attributes:
        items: each a picture's path, or a text.
        kinds: of each, ``"image"`` or ``"text"``.
        vectors: float32 ``(N, D)``, as the embedder gave them.
        space: where they are from.
        skipped: what could not be read, and why.
    """

    items: tuple[str, ...]
    kinds: tuple[Kind, ...]
    vectors: NDArray[np.float32] = field(repr=False)
    space: Space
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.items)


def embed(
    things: Iterable[str | Path | Image], *, model: str | None = None, pipeline: Pipeline | None = None
) -> Embeddings:
    """Return the vectors of texts and pictures.

    Args:
        things: each a text (`str`), a picture, or the path (`Path`) of a picture, of a .txt file with a text a line,
            or of a folder of such files.
        model: a model whose embedder, or an embedder that, is taken. Default: the first installed model that maps
            several modalities into one space.
        pipeline: where plugins and models are from. Default: one of its own.

    Raises:
        UsageError: there is no model, a text is empty, or the embedder does not look at such things.
        FileError: there is no such file, or nothing at all could be read.
        ModelError, PluginError: the embedder is broken.
    """
    from aigc_core.pipeline import Pipeline

    pipeline = pipeline or Pipeline()
    embedder = open_any(pipeline, model or default_model(pipeline))
    reader = Reader(embedder)
    found = [(piece.name, piece.kind, vector) for piece, vector in embed_items(embedder, reader.pieces(things))]
    return gathered(embedder, found, reader.skipped)


def gathered(
    embedder: ReadyEmbedder, found: list[tuple[str, Kind, NDArray[np.float32]]], skipped: list[Skipped]
) -> Embeddings:
    """Put names, kinds and vectors together. Raises FileError where there are none."""
    if not found:
        why = "; ".join(described(tally) for tally in tallies(skipped))
        raise FileError(f"there is nothing to embed{': ' + why if why else ''}", hint="give texts, pictures or folders")
    names, kinds, vectors = zip(*found, strict=True)
    return Embeddings(names, kinds, np.stack(vectors), Space.of(embedder), tuple(skipped))


def check_path(path: Path) -> None:
    """Raise UsageError for a file that no vectors can be written to, before any are worked out."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"vectors cannot be written to {path.name}", hint=f"it ends in {', '.join(ENDINGS)}")
    if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise UsageError(
            "Parquet files are written with pyarrow, which is not installed",
            hint="type: pip install 'aigc-core[data]'; or write to .npy or .jsonl",
        )


def write_embeddings(embeddings: Embeddings, path: Path) -> list[Path]:
    """Write vectors as ``.parquet``, ``.npy`` with their names beside them, or ``.jsonl``; return the files' paths.

    Raises:
        UsageError: the ending is another one, or pyarrow is not installed.
        FileError: the file cannot be written.
    """
    check_path(path)
    ending = path.suffix.lower()
    if ending == ".npy":
        stream = io.BytesIO()
        np.save(stream, embeddings.vectors, allow_pickle=False)
        # Names before numbers: where both are there, they belong together.
        files = {path.with_name(f"{path.name}.json"): _names(embeddings), path: stream.getvalue()}
    else:
        files = {path: _parquet(embeddings) if ending == ".parquet" else _json_lines(embeddings)}
    store_all(files)
    return list(files)


def row_of(name: str, kind: Kind, vector: NDArray[np.float32], space: Space) -> dict[str, JSON]:
    """Return one item as a line of JSON has it; its numbers are the shortest that give the same float32 again."""
    return {"item": name, "kind": kind, **asdict(space), "vector": [float(str(number)) for number in vector]}


def _names(embeddings: Embeddings) -> bytes:
    pairs = zip(embeddings.items, embeddings.kinds, strict=True)
    document = {**asdict(embeddings.space), "items": [{"item": name, "kind": kind} for name, kind in pairs]}
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def _json_lines(embeddings: Embeddings) -> bytes:
    rows = zip(embeddings.items, embeddings.kinds, embeddings.vectors, strict=True)
    lines = (json.dumps(row_of(*row, embeddings.space), ensure_ascii=False) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def _parquet(embeddings: Embeddings) -> bytes:
    from importlib import import_module

    pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")  # typed by nobody
    dimensions = embeddings.vectors.shape[1]
    columns = {
        "item": pa.array(embeddings.items, pa.string()),
        "kind": pa.array(embeddings.kinds, pa.string()),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(embeddings.vectors.ravel(), pa.float32()), dimensions),
    }
    table = pa.table(columns).replace_schema_metadata(asdict(embeddings.space))
    stream = io.BytesIO()
    parquet.write_table(table, stream)
    return stream.getvalue()
