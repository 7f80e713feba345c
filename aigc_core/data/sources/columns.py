"""Columns of Apache Arrow: ``.parquet`` files, and folders that Hugging Face ``datasets`` saved to disk.

They are read with pyarrow, from the extra ``data``; ``datasets`` itself is never imported.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aigc_core.data.records import MAX_BYTES, Modality, Record, Skipped
from aigc_core.data.sources.folder import TOO_LARGE, read_bytes
from aigc_core.data.sources.rows import Roles, as_text
from aigc_core.data.splits import SPLITS, split_named
from aigc_core.errors import FileError, UsageError

#: Rows that are in memory at a time.
_ROWS = 256


def _pyarrow(module: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise UsageError(
            "Parquet and Arrow files are read with pyarrow, which is not installed",
            hint="type: pip install 'aigc-core[data]'",
        ) from error


class Tables(ABC):
    """Rows of one or several Arrow tables, one for each split. What a row is as a record, subclasses say.

    Args:
        kind: what it is, for people.
        folder: where pictures are that are named by path only.
        schema: of all tables.
        count: rows of all tables.
        tables: split (or ``""``) → a function that goes through its rows in batches.

    Raises:
        UsageError: no column holds what is wanted.
    """

    modality: Modality

    def __init__(
        self,
        kind: str,
        folder: Path,
        schema: Any,
        count: int,
        tables: Mapping[str, Callable[[], Iterator[Any]]],
    ) -> None:
        self.kind = kind
        self.count: int | None = count
        self.splits = tuple(split for split in SPLITS if split in tables)
        self._folder = folder
        self._tables = tables
        features = _features(schema)
        self._roles = self._find(schema, features)
        feature = features.get(self._roles.columns.get("label", ""), {})
        names = feature.get("names") if isinstance(feature, dict) else None
        self.label_names = tuple(map(str, names)) if isinstance(names, list) else ()

    @abstractmethod
    def _find(self, schema: Any, features: Mapping[str, Any]) -> Roles:
        """Return which column means what. Raises UsageError where what is wanted is not there."""

    @abstractmethod
    def _record(self, row: Mapping[str, Any], name: str, split: str | None) -> Record | Skipped:
        """Return a row as a record."""

    def records(self, splits: Collection[str] = ()) -> Iterator[Record | Skipped]:
        """Yield the rows of `splits`, or all."""
        for split, batches in self._tables.items():
            if splits and split and split not in splits:
                continue
            number = 0
            for batch in batches():
                for start in range(0, batch.num_rows, _ROWS):
                    for row in batch.slice(start, _ROWS).to_pylist():
                        yield self._record(row, f"{split}/{number:09}" if split else f"{number:09}", split or None)
                        number += 1

    def _label(self, row: Mapping[str, Any]) -> str | None:
        label = self._roles.text(row, "label")
        if self.label_names and label is not None and label.isdecimal() and int(label) < len(self.label_names):
            return self.label_names[int(label)]
        return label


class Columns(Tables):
    """Rows that hold pictures or name them; or texts, where they do neither."""

    def _find(self, schema: Any, features: Mapping[str, Any]) -> Roles:
        self._picture = _picture_column(schema, features)
        roles = Roles.named(field.name for field in schema if field.name != self._picture)
        if self._picture is None and "file" not in roles and "caption" not in roles:
            raise UsageError(
                f"no column of this {self.kind} holds pictures; it has {', '.join(schema.names)[:200] or 'none'}",
                hint="name it image: bytes of an encoded picture, or a struct of bytes and path",
            )
        self.modality: Modality = "image" if self._picture or "file" in roles else "text"
        return roles

    def _record(self, row: Mapping[str, Any], name: str, split: str | None) -> Record | Skipped:
        content = self._content(row, name)
        if isinstance(content, Skipped):
            return content
        return Record(
            name,
            content,
            label=self._label(row),
            caption=self._roles.text(row, "caption") if self.modality == "image" else None,
            split=split,
            group=self._roles.text(row, "group"),
        )

    def _content(self, row: Mapping[str, Any], name: str) -> bytes | str | Skipped:
        if self.modality == "text":
            return self._roles.text(row, "caption") or Skipped(name, "has no text")
        value = row.get(self._picture) if self._picture else None
        path = self._roles.text(row, "file") if self._picture is None else None
        if isinstance(value, Mapping):
            path = as_text(value.get("path"))
            value = value.get("bytes")
        if isinstance(value, bytes):
            return value if len(value) <= MAX_BYTES else Skipped(name, TOO_LARGE)
        return read_bytes(self._folder / path, path) if path else Skipped(name, "holds no picture")


def _features(schema: Any) -> dict[str, Any]:
    """Return what Hugging Face writes of the columns into a schema, or nothing."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _picture_column(schema: Any, features: Mapping[str, Any]) -> str | None:
    types = _pyarrow("pyarrow.types")

    def binary(kind: Any) -> bool:
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    def holds(field: Any) -> bool:
        feature = features.get(field.name)
        if isinstance(feature, dict) and feature.get("_type") == "Image":
            return True
        if types.is_struct(field.type):
            return any(child.name == "bytes" and binary(child.type) for child in field.type)
        return binary(field.type)

    return next((str(field.name) for field in schema if holds(field)), None)


Build = Callable[[str, Path, Any, int, Mapping[str, Callable[[], Iterator[Any]]]], Tables]


def parquet(path: Path, build: Build = Columns) -> Tables:
    """Return the rows of a Parquet file, as what `build` makes of them.

    Raises:
        FileError: it is damaged.
        UsageError: pyarrow is not installed, or no column holds pictures or texts.
    """
    reader = _pyarrow("pyarrow.parquet")

    def batches() -> Iterator[Any]:
        with _damage(path), reader.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=_ROWS)

    with _damage(path), reader.ParquetFile(path) as file:
        schema, count = file.schema_arrow, file.metadata.num_rows
    return build("Parquet file", path.parent, schema, count, {"": batches})


def is_saved_dataset(folder: Path) -> bool:
    """Say whether `folder` is one that ``datasets`` saved."""
    return (folder / "dataset_dict.json").is_file() or (
        (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()
    )


def saved_dataset(folder: Path, build: Build = Columns) -> Tables:
    """Return the rows of a folder that ``Dataset.save_to_disk`` or ``DatasetDict.save_to_disk`` wrote.

    Raises:
        FileError: files are missing or damaged.
        UsageError: pyarrow is not installed, or no column holds pictures or texts.
    """
    parts = {"": folder}
    if (folder / "dataset_dict.json").is_file():
        named = _read(folder / "dataset_dict.json").get("splits")
        parts = {}
        for name in named if isinstance(named, list) else []:
            split = split_named(str(name))
            if split is not None and split not in parts:
                parts[split] = folder / str(name)
        if not parts:
            raise UsageError(
                f"{folder.name} has no split named train, validation or test",
                hint="give the folder of one of its parts",
            )
    files = {split: _arrow_files(part) for split, part in parts.items()}
    schema, count = None, 0
    for paths in files.values():
        for path in paths:
            found, rows = _measure(path)
            schema, count = schema or found, count + rows
    if schema is None:
        raise FileError(f"{folder} names no Arrow files", hint="save the data set again with save_to_disk")
    tables = {
        split: lambda paths=paths: (batch for path in paths for batch in _batches(path))
        for split, paths in files.items()
    }
    return build("saved Hugging Face data set", folder, schema, count, tables)


def _arrow_files(folder: Path) -> list[Path]:
    state = _read(folder / "state.json")
    if state.get("_indices_data_files"):
        raise UsageError(f"{folder.name} holds a selection of rows", hint="save it after flatten_indices()")
    listed = state.get("_data_files")
    names = (
        [str(file.get("filename", "")) for file in listed if isinstance(file, dict)] if isinstance(listed, list) else []
    )
    # What a file from anywhere names is looked for in its own folder only.
    return [folder / Path(name).name for name in names if Path(name).name]


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise FileError(f"{path} is not what datasets writes")
    return value


def _measure(path: Path) -> tuple[Any, int]:
    """Return the schema of an Arrow file, and how many rows it has."""
    arrow = _pyarrow("pyarrow")
    with _damage(path), arrow.memory_map(str(path)) as source, arrow.ipc.open_stream(source) as stream:
        return stream.schema, sum(batch.num_rows for batch in stream)


def _batches(path: Path) -> Iterator[Any]:
    arrow = _pyarrow("pyarrow")
    with _damage(path), arrow.memory_map(str(path)) as source, arrow.ipc.open_stream(source) as stream:
        yield from stream


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises for a damaged file into an error that names it."""
    try:
        yield
    except (OSError, ValueError, EOFError) as error:  # ArrowInvalid is a ValueError
        raise FileError(f"{path} cannot be read: {(str(error).splitlines() or ['damaged'])[0]}") from error
