"""Files that list pictures or hold texts: ``.csv``, ``.tsv``, ``.jsonl`` and ``.txt``; and tables of pixels."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.data.records import Modality, Record, Skipped, printable
from aigc_core.data.sources.folder import read_bytes
from aigc_core.data.sources.rows import Line, Roles, Row, cells_of, rows_of
from aigc_core.data.splits import SPLITS, split_named
from aigc_core.errors import FileError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The smallest pictures of a table of pixels are 4 × 4.
_FEWEST_PIXELS = 16


def lines_of(path: Path) -> Iterator[str]:
    """Yield the lines of a text file; bytes that are no UTF-8 survive in names of files.

    Raises:
        FileError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            yield from file
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from error


class Rows:
    """Rows that name pictures, relative to the folder of the file, or that hold texts.

    Raises:
        UsageError: no column names files or holds texts.
    """

    label_names: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        self._path = path
        suffix = path.suffix.lower()
        self.kind = "list in JSON lines" if suffix == ".jsonl" else "table"
        first = [row for row in islice(rows_of(lines_of(path), suffix), 200) if not isinstance(row, Skipped)]
        self._roles = Roles.of(first)
        if "file" not in self._roles and "caption" not in self._roles:
            columns = ", ".join(printable(str(name)) for name in dict.fromkeys(name for row in first for name in row))
            raise UsageError(
                f"{path.name} has no column that names pictures; it has {columns[:200] or 'nothing'}",
                hint="name the files in a column file_name, relative to this file; label and caption are optional",
            )
        self.modality: Modality = "image" if "file" in self._roles else "text"
        self.count: int | None = None
        found: set[str | None] = set()
        if "split" in self._roles:
            found = {self._split(row) for row in rows_of(lines_of(path), suffix) if not isinstance(row, Skipped)}
        self.splits = tuple(split for split in SPLITS if split in found)

    def _split(self, row: Row) -> str | None:
        return split_named(self._roles.text(row, "split") or "")

    def records(self, splits: Collection[str] = ()) -> Iterator[Record | Skipped]:
        """Yield the rows of `splits`, or all."""
        for number, row in enumerate(rows_of(lines_of(self._path), self._path.suffix), 1):
            if isinstance(row, Skipped):
                yield row
            elif self.splits and self._split(row) is None:
                yield Skipped(f"row {number}", "belongs to no split that is known")
            elif not splits or self._split(row) in splits:
                yield self._record(row, number)

    def _record(self, row: Row, number: int) -> Record | Skipped:
        content: bytes | str | Skipped | None
        if self.modality == "text":
            name, content = f"{number:09}", self._roles.text(row, "caption")
        else:
            name = self._roles.text(row, "file") or ""
            content = read_bytes(self._path.parent / name, name) if name else None
        if isinstance(content, Skipped):
            return content
        if content is None:
            return Skipped(f"row {number}", "names no file" if self.modality == "image" else "has no text")
        return Record(
            name,
            content,
            label=self._roles.text(row, "label"),
            caption=self._roles.text(row, "caption") if self.modality == "image" else None,
            split=self._split(row) if self.splits else None,
            group=self._roles.text(row, "group"),
        )


class PixelTable:
    """A table with a picture a row, as MNIST is often passed on: a label, or none, and H·W columns of grey values."""

    kind = "table of pixels"
    modality: Modality = "image"
    splits: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ()
    count: int | None = None

    def __init__(self, path: Path, side: int, label: int | None, header: bool) -> None:
        self._path = path
        self._side = side
        self._label = label
        self._header = header

    @classmethod
    def at(cls, path: Path) -> PixelTable | None:
        """Return the table at `path` if it is one of pixels, else None."""
        first = next(cells_of(lines_of(path)), None)
        if not isinstance(first, Line) or len(first.cells) < _FEWEST_PIXELS:
            return None
        header = not all(cell.strip().isdecimal() for cell in first.cells)
        roles = Roles.named(first.cells) if header else Roles()
        if "file" in roles or "caption" in roles:
            return None
        label = first.cells.index(roles.columns["label"]) if "label" in roles else None
        columns = len(first.cells)
        if label is None and not _is_square(columns) and _is_square(columns - 1):
            label = 0  # without a name for it, the label stands first
        pixels = columns - (label is not None)
        return cls(path, math.isqrt(pixels), label, header) if _is_square(pixels) else None

    def records(self, splits: Collection[str] = ()) -> Iterator[Record | Skipped]:
        """Yield a picture for each line."""
        lines = cells_of(lines_of(self._path))
        for line in islice(lines, 1 if self._header else 0, None):
            if isinstance(line, Skipped):
                yield line
                continue
            cells = line.cells
            label = None if self._label is None or self._label >= len(cells) else cells.pop(self._label).strip()
            pixels = _grey(cells, self._side)
            if pixels is None:
                yield Skipped(f"line {line.number}", f"not {self._side**2} numbers from 0 to 255")
            else:
                yield Record(f"{line.number:09}", pixels, label=label or None)


def _is_square(number: int) -> bool:
    return number >= _FEWEST_PIXELS and math.isqrt(number) ** 2 == number


def _grey(cells: list[str], side: int) -> NDArray[np.uint8] | None:
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    if len(values) != side * side or not ((values >= 0) & (values <= 255)).all():
        return None
    return values.round().astype(np.uint8).reshape(side, side)


class Lines:
    """The lines of a text file: paths of pictures if they are, otherwise texts."""

    splits: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ()
    count: int | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        start = list(islice((line.strip() for line in lines_of(path) if line.strip()), 100))
        files = sum(_is_file(path.parent / line) for line in start)
        # A list may name some files that are gone; no prose names files in every second line.
        self.modality: Modality = "image" if 2 * files >= len(start) > 0 else "text"
        self.kind = "list of files" if self.modality == "image" else "text"

    def records(self, splits: Collection[str] = ()) -> Iterator[Record | Skipped]:
        """Yield a record for each line that is not empty."""
        for number, line in enumerate(lines_of(self._path), 1):
            text = line.strip("\r\n")
            if not text.strip():
                continue
            if self.modality == "text":
                yield Record(f"{number:09}", text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
            else:
                name = text.strip()
                content = read_bytes(self._path.parent / name, name)
                yield content if isinstance(content, Skipped) else Record(name, content)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
