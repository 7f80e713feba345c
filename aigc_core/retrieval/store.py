"""An index on disk: ``index.json``, and the vectors that it names.

The file of vectors is called after its content, ``vectors-<16 hex digits>.npy``, and is there before ``index.json``
names it; so whenever a process is killed, ``index.json`` is whole and names vectors that are whole.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from aigc_core.provenance.atomic import refusal, store_all
from aigc_core.retrieval.settled import State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aigc_core.pipeline.embedders import ReadyEmbedder

INDEX = "index.json"
_VECTORS = "vectors-*.npy"


class BrokenIndexError(Exception):
    """An index cannot be used; the text says why."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileEntry(_Record):
    """A file of the folder: a picture, which is one item, or a text file, in which each line is one."""

    path: str = Field(description="below the folder, with /")
    kind: Literal["image", "text"]
    size: int
    mtime_ns: int = Field(description="0: it was too fresh to be told by its time, and is read again")
    sha256: str = Field(description="of the content")
    row: int = Field(0, ge=0, description="of the vector of its first item; the others follow")
    lines: tuple[tuple[int, str], ...] = Field((), description="number and text of each line that is an item")
    problem: str | None = Field(None, description="why it has no items")

    @field_validator("path")
    @classmethod
    def _below(cls, path: str) -> str:
        """Refuse a path that leads out of the folder: an index may come from anywhere."""
        pure = PurePath(path)
        if not path or pure.is_absolute() or ".." in pure.parts:
            raise ValueError("a file has to lie below the folder")
        return path

    @property
    def count(self) -> int:
        """How many items it has."""
        return len(self.lines) if self.kind == "text" else int(self.problem is None)

    @property
    def state(self) -> State:
        """Its size and time."""
        return State(self.size, self.mtime_ns)


class ModelName(_Record):
    """The model whose weights made the vectors."""

    name: str
    sha256: str


class Manifest(_Record):
    """What stands in ``index.json``."""

    format: Literal[1] = 1
    space_id: str = Field(description="only vectors of one space are compared")
    embedder: str = Field(description="name, with options")
    model: ModelName | None
    dimensions: int = Field(ge=1)
    count: int = Field(ge=1, description="of items, and rows of the vectors")
    vectors: str = Field(pattern=r"^vectors-[0-9a-f]{16}\.npy$")
    files: tuple[FileEntry, ...] = Field(description="in the order of their paths, and of their rows")


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A whole index.

    Attributes:
        vectors: float32 ``(N, D)`` of length 1, or 0 where the embedder gave zeros; on disk, or in memory.
    """

    manifest: Manifest
    vectors: NDArray[np.float32] = field(repr=False)

    def rows(self, entry: FileEntry) -> NDArray[np.float32]:
        """Return the vectors of a file's items."""
        return self.vectors[entry.row : entry.row + entry.count]


def assemble(
    embedder: ReadyEmbedder, files: Sequence[tuple[FileEntry, NDArray[np.float32]]]
) -> tuple[Stored, bytes] | None:
    """Return the index of files with their vectors, and its vectors as a file; None where there is no vector.

    Args:
        embedder: what made them.
        files: in the order of their paths.
    """
    starts = accumulate((entry.count for entry, _ in files), initial=0)
    entries = tuple(entry.model_copy(update={"row": start}) for (entry, _), start in zip(files, starts, strict=False))
    parts = [rows for _, rows in files if len(rows)]
    if not parts:
        return None
    vectors = np.concatenate(parts)
    stream = io.BytesIO()
    np.save(stream, vectors, allow_pickle=False)
    content = stream.getvalue()
    model = embedder.model
    manifest = Manifest(
        space_id=embedder.space_id,
        embedder=embedder.name,
        model=ModelName(name=model.name, sha256=model.sha256) if model else None,
        dimensions=vectors.shape[1],
        count=len(vectors),
        vectors=f"vectors-{hashlib.sha256(content).hexdigest()[:16]}.npy",
        files=entries,
    )
    return Stored(manifest, vectors), content


def save(place: Path, manifest: Manifest, content: bytes) -> None:
    """Put an index into the folder `place`, which is made if it is not there.

    Raises:
        FileError: it cannot be written.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(error, place) from error
    document = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False).encode()
    store_all({place / manifest.vectors: content, place / INDEX: document})  # in this order
    for path in place.glob(_VECTORS):
        if path.name != manifest.vectors:
            with suppress(OSError):  # Windows keeps what another process reads; the next time, then
                path.unlink()


def is_index(place: Path) -> bool:
    """Say whether there is an index in a folder, whole or not."""
    return (place / INDEX).is_file() and any(place.glob(_VECTORS))


def load(place: Path) -> Stored | None:
    """Return the index in a folder, its vectors left on the disk until they are looked at; None if there is none.

    Raises:
        BrokenIndexError: it is cut short, or not what it should be.
    """
    try:
        return _load(place)
    except FileNotFoundError:
        # Another process may have put a new index there between the two files.
        try:
            return _load(place)
        except FileNotFoundError as error:
            raise BrokenIndexError("its vectors are not there") from error


def _load(place: Path) -> Stored | None:
    try:
        document = (place / INDEX).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BrokenIndexError(f"{INDEX} cannot be read: {error.strerror}") from error
    try:
        manifest = Manifest.model_validate_json(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BrokenIndexError(f"{INDEX}: {where + ': ' if where else ''}{first['msg']}") from error
    try:
        vectors = np.load(place / manifest.vectors, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError) as error:  # ValueError: no such file as numpy writes, or cut short
        raise BrokenIndexError(f"{manifest.vectors} is damaged or cut short") from error
    if vectors.dtype != np.float32 or vectors.shape != (manifest.count, manifest.dimensions):
        wanted = f"float32 {manifest.count}×{manifest.dimensions}"
        raise BrokenIndexError(
            f"{manifest.vectors} holds {vectors.dtype} {'×'.join(map(str, vectors.shape))}, not {wanted}"
        )
    _check_rows(manifest)
    return Stored(manifest, vectors.view(np.ndarray))  # whose slices are made ten times as fast


def _check_rows(manifest: Manifest) -> None:
    row = 0
    for entry in manifest.files:
        if entry.row != row:
            raise BrokenIndexError(f"{INDEX}: {entry.path} begins at row {entry.row}, not {row}")
        row += entry.count
    if row != manifest.count:
        raise BrokenIndexError(f"{INDEX} has {row:,} items, and {manifest.count:,} vectors")
