"""Texts in files of any kind: lines, paragraphs, columns of tables, text files in folders and archives."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from aigc_core.data.encoding import text_lines
from aigc_core.data.records import Modality, Record, Skipped, Source, printable
from aigc_core.data.sources.columns import Tables, is_saved_dataset, parquet, saved_dataset
from aigc_core.data.sources.files import tree_of
from aigc_core.data.sources.rows import Roles, Row, rows_of
from aigc_core.data.sources.tree import TEXTS, TextTree
from aigc_core.data.splits import SPLITS, split_named
from aigc_core.errors import UsageError, unknown

Unit = Literal["line", "paragraph", "file"]
KINDS = "a .txt file, a .csv, .tsv, .jsonl or .parquet table, a folder or archive of text files, or a saved data set"

#: Lines at the start of a file that tell whether its texts are lines or paragraphs.
_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which texts are taken, and how.

    Attributes:
        columns: role (``"text"``, ``"source"``, ``"target"``) → name of the column, where it is not to be found out.
        unit: what one text is in a text file; None: found out.
        encoding: None: found out.
    """

    columns: Mapping[str, str]
    unit: Unit | None = None
    encoding: str | None = None


def open_texts(path: Path, wanted: Wanted) -> Source:
    """Return the texts at `path`: what kind of source it is follows from its name and content.

    Raises:
        FileError: it is missing or damaged.
        UsageError: it is of no known kind, or has no texts in it.
    """
    suffix = path.suffix.lower()
    if path.is_dir() and is_saved_dataset(path):
        return saved_dataset(path, partial(TextTables, wanted))
    if path.is_file() and suffix == ".parquet":
        return parquet(path, partial(TextTables, wanted))
    if path.is_file() and suffix in (".csv", ".tsv", ".jsonl"):
        return TextRows(path, wanted)
    if path.is_file() and suffix in TEXTS:
        return TextFile(path, wanted)
    return TextTree(tree_of(path, KINDS), wanted.encoding)


class TextFile:
    """The lines of a text file, its paragraphs, or the whole of it. It is read as it is gone through."""

    modality: Modality = "text"
    splits: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ()
    count: int | None = None

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self._path = path
        self._encoding = wanted.encoding
        self.unit: Unit = wanted.unit or self._likely_unit()
        self.kind = {"line": "lines of a text", "paragraph": "paragraphs of a text", "file": "text"}[self.unit]

    def _lines(self) -> Iterator[str | Skipped]:
        return text_lines(self._path, self._encoding)

    def _likely_unit(self) -> Unit:
        """Paragraphs, where most of what empty lines part has several lines: stanzas, poems, prose."""
        start = [line for line in islice(self._lines(), _LOOKED_AT) if isinstance(line, str)]
        several = [len(block) > 1 for block in _blocks(start)]
        return "paragraph" if len(several) > 1 and 2 * sum(several) > len(several) else "line"

    def records(self, splits: Collection[str] = ()) -> Iterator[Record | Skipped]:
        """Yield a record for each text that is not blank."""
        if self.unit == "line":
            for number, line in enumerate(self._lines(), 1):
                if isinstance(line, Skipped):
                    yield line
                elif line.strip():
                    yield Record(f"{number:09}", line)
            return
        damaged: list[Skipped] = []
        lines = (line for line in _sound(self._lines(), damaged))
        blocks: Iterable[list[str]] = _blocks(lines) if self.unit == "paragraph" else [list(lines)]
        for number, block in enumerate(blocks, 1):
            text = "\n".join(block).strip("\n")
            if text.strip():
                yield Record(f"{number:09}", text)
        yield from damaged


def _sound(lines: Iterable[str | Skipped], damaged: list[Skipped]) -> Iterator[str]:
    for line in lines:
        if isinstance(line, Skipped):
            damaged.append(line)
        else:
            yield line


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the runs of lines that are not blank."""
    block: list[str] = []
    for line in lines:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


@dataclass(frozen=True, slots=True)
class _Reader:
    """From rows to records: which columns hold the text and what it was made of."""

    text: str
    source: str | None
    roles: Roles

    @classmethod
    def of(cls, names: Iterable[str], wanted: Wanted, name: str) -> _Reader:
        """Find the columns. Raises UsageError where one is not there, or none holds a text."""
        there = list(dict.fromkeys(str(each) for each in names))
        for column in wanted.columns.values():
            if column not in there:
                raise unknown(f"column of {name}", column, there)
        roles = Roles.named(there)
        columns = {**roles.columns, **wanted.columns}
        if "text" in wanted.columns and {"source", "target"} & wanted.columns.keys():
            raise UsageError("text is for single texts, source and target for pairs", hint="leave one of them out")
        asked = "source" in wanted.columns or "target" in wanted.columns
        pairs = asked or ("text" not in columns and {"source", "target"} <= columns.keys())
        if pairs and not {"source", "target"} <= columns.keys():
            lacking = "target" if "source" in columns else "source"
            raise UsageError(
                f"{name} has no column that is the {lacking}; it has {', '.join(map(printable, there))[:200]}",
                hint=f"name it: --set {lacking}=COLUMN",
            )
        text = columns.get("target") if pairs else columns.get("text")
        if text is None:
            raise UsageError(
                f"{name} has no column of texts; it has {', '.join(map(printable, there))[:200] or 'nothing'}",
                hint="name it: --set text=COLUMN, or of pairs --set source=COLUMN target=COLUMN",
            )
        return cls(text, columns["source"] if pairs else None, roles)

    def record(self, row: Row, name: str, split: str | None) -> Record | Skipped:
        """Return a row as a record."""
        text, source = row.get(self.text), row.get(self.source) if self.source else None
        if not isinstance(text, str) or not text.strip():
            return Skipped(name, "has no text")
        if self.source and not (isinstance(source, str) and source.strip()):
            return Skipped(name, "has no source")
        # A column of that name may hold the text itself.
        labelled = self.roles.columns.get("label") not in (self.text, self.source)
        return Record(
            name,
            text,
            label=self.roles.text(row, "label") if labelled else None,
            source=source,
            split=split,
            group=self.roles.text(row, "group"),
        )


class TextRows:
    """Rows of a table with a column of texts, or with pairs of them.

    Raises:
        UsageError: a named column is not there, or none holds texts.
    """

    modality: Modality = "text"
    label_names: tuple[str, ...] = ()
    count: int | None = None

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self._path, self._encoding = path, wanted.encoding
        self.kind = "list in JSON lines" if path.suffix.lower() == ".jsonl" else "table"
        first = [row for row in islice(self._rows(), 200) if not isinstance(row, Skipped)]
        self._reader = _Reader.of((name for row in first for name in row), wanted, path.name)
        found: set[str | None] = set()
        if "split" in self._reader.roles:
            found = {self._split(row) for row in self._rows() if not isinstance(row, Skipped)}
        self.splits = tuple(split for split in SPLITS if split in found)

    def _rows(self) -> Iterator[Row | Skipped]:
        damaged: list[Skipped] = []
        lines = _sound(text_lines(self._path, self._encoding), damaged)
        yield from rows_of((f"{line}\n" for line in lines), self._path.suffix)
        yield from damaged

    def _split(self, row: Row) -> str | None:
        return split_named(self._reader.roles.text(row, "split") or "")

    def records(self, splits: Collection[str] = ()) -> Iterator[Record | Skipped]:
        """Yield the rows of `splits`, or all."""
        for number, row in enumerate(self._rows(), 1):
            split = self._split(row) if self.splits and not isinstance(row, Skipped) else None
            if isinstance(row, Skipped):
                yield row
            elif self.splits and split is None:
                yield Skipped(f"row {number}", "belongs to no split that is known")
            elif not splits or split in splits:
                yield self._reader.record(row, f"{number:09}", split)


class TextTables(Tables):
    """Rows of Arrow tables with a column of texts, or with pairs of them."""

    modality: Modality = "text"

    def __init__(self, wanted: Wanted, *given: Any) -> None:
        self._wanted = wanted
        super().__init__(*given)

    def _find(self, schema: Any, features: Mapping[str, Any]) -> Roles:
        self._reader = _Reader.of(schema.names, self._wanted, f"this {self.kind}")
        return self._reader.roles

    def _record(self, row: Mapping[str, Any], name: str, split: str | None) -> Record | Skipped:
        found = self._reader.record(row, name, split)
        return found if isinstance(found, Skipped) else replace(found, label=found.label and self._label(row))
