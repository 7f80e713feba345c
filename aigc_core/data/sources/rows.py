"""Rows of CSV and JSON lines, and which of their columns means what."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aigc_core.data.records import Skipped

Row = Mapping[str, Any]

#: The names that columns go by, the first that is there counts; those of Hugging Face, Kaggle and people.
COLUMNS = {
    "file": ("file_name", "filename", "file", "path", "image_path", "image"),
    "label": ("label", "labels", "class", "category", "target"),
    "caption": ("caption", "text", "prompt", "description"),
    "text": ("text", "sentence", "content", "body", "caption", "title"),
    "source": ("source", "article", "document", "input", "src"),
    "target": ("target", "summary", "output", "translation", "tgt"),
    "split": ("split",),
    "group": ("group",),
}


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column holds what: role (``"file"``, ``"label"``, ``"caption"``, …) → name of the column."""

    columns: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def named(cls, names: Iterable[str]) -> Roles:
        """Find the roles among column names, whatever their case."""
        by_lower = {name.strip().lower(): name for name in names}
        found = {role: next((by_lower[name] for name in known if name in by_lower), None) for role, known in _KNOWN}
        return cls({role: column for role, column in found.items() if column is not None})

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Roles:
        """Find the roles among the keys that the first hundred rows have."""
        return cls.named({name: None for row in rows[:100] for name in row})

    def __contains__(self, role: str) -> bool:
        return role in self.columns

    def text(self, row: Row, role: str) -> str | None:
        """Return what `row` holds for `role` as a text, or None if that is nothing."""
        column = self.columns.get(role)
        return as_text(row.get(column)) if column is not None else None


_KNOWN = tuple(COLUMNS.items())


def as_text(value: Any) -> str | None:
    """Return a name, number or text as a str, and None for everything else and for nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return str(value).lower() if isinstance(value, bool) else None
    if isinstance(value, float):
        value = int(value) if value.is_integer() else value
    return str(value) if str(value).strip() else None


def rows_of(lines: Iterable[str], suffix: str) -> Iterator[Row | Skipped]:
    """Read rows from the lines of a ``.jsonl``, ``.csv`` or ``.tsv`` file; broken ones come as `Skipped`."""
    return _json_rows(lines) if suffix.lower() == ".jsonl" else _csv_rows(lines)


def _json_rows(lines: Iterable[str]) -> Iterator[Row | Skipped]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield Skipped(f"line {number}", "not JSON")
        else:
            yield value if isinstance(value, dict) else Skipped(f"line {number}", "not a JSON object")


def _csv_rows(lines: Iterable[str]) -> Iterator[Row | Skipped]:
    table = cells_of(lines)
    header = next(table, None)
    if header is None or isinstance(header, Skipped):
        return
    for line in table:
        if isinstance(line, Skipped):
            yield line
        elif len(line.cells) != len(header.cells):
            yield Skipped(f"line {line.number}", f"not {len(header.cells)} columns, as the first line has")
        else:
            yield dict(zip(header.cells, line.cells, strict=True))


@dataclass(frozen=True, slots=True)
class Line:
    """The cells of a line of a table, and its number, counted from 1."""

    number: int
    cells: list[str]


def cells_of(lines: Iterable[str]) -> Iterator[Line | Skipped]:
    """Read the cells of a table, row by row, separated by commas, semicolons or tabs, as the first line has them."""
    lines = iter(lines)
    first = next(lines, "")
    separator = max(",;\t", key=first.count)

    def all_lines() -> Iterator[str]:
        yield first
        yield from lines

    reader = csv.reader(all_lines(), delimiter=separator)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Skipped(f"line {reader.line_num}", f"not a row of a table: {error}")
            continue
        if cells:
            yield Line(reader.line_num, cells)
