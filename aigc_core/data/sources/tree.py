"""Files in a tree, a folder or an archive: classes and splits are sub-folders, and there may be metadata."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Protocol

from aigc_core.data.encoding import decoded
from aigc_core.data.records import Modality, Record, Skipped
from aigc_core.data.sources.rows import Roles, Row, rows_of
from aigc_core.data.splits import SPLITS, split_named

#: What lies beside the pictures in the "imagefolder" layout of Hugging Face, and tells of them.
METADATA = ("metadata.jsonl", "metadata.csv")

#: How the names of files end that hold texts.
TEXTS = (".txt", ".md", ".text")

_ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst")


class Tree(Protocol):
    """Named files with their bytes, and what of them cannot be read."""

    kind: str
    names: list[str]
    problems: list[Skipped]

    def contents(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | Skipped]]:
        """Yield each wanted file's name with its bytes, or with why it is not read."""


class FileTree:
    """The files of a tree as records."""

    modality: Modality
    label_names: tuple[str, ...] = ()

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.kind = tree.kind
        self._names = [name for name in tree.names if not _hidden(name)]
        self._root = _common_root(self._names)
        self._metadata: Mapping[str, tuple[Row, Roles]] | None = None
        self._problems: list[Skipped] = list(tree.problems)
        tops = {self._short(name).split("/")[0] for name in self._examples() if "/" in self._short(name)}
        at_the_root = any("/" not in self._short(name) for name in self._examples())
        found = {split_named(top) for top in tops}
        parted = bool(tops) and not at_the_root and None not in found
        self.splits = tuple(split for split in SPLITS if parted and split in found)

    @property
    def count(self) -> int:
        return len(self._examples()) + len(self._problems)

    def _examples(self) -> list[str]:
        return [name for name in self._names if posixpath.basename(name) not in METADATA]

    def _short(self, name: str) -> str:
        return name.removeprefix(self._root)

    def records(self, splits: Collection[str] = ()) -> Iterator[Record | Skipped]:
        """Yield the pictures of `splits`, or all."""
        told = self._read_metadata()
        yield from self._problems
        wanted = {name for name in self._examples() if not splits or self._split(name, told) in splits}
        for name in sorted(name for name in wanted if name.lower().endswith(_ARCHIVES)):
            yield Skipped(self._short(name), "an archive inside, which is not opened")
            wanted.discard(name)
        for name, content in self._tree.contents(lambda name: name in wanted):
            found = content if isinstance(content, Skipped) else self._content(name, content)
            if isinstance(found, Skipped):
                yield Skipped(self._short(name), found.reason)
            else:
                yield self._record(name, found, told)
        for name in sorted(told.keys() - set(self._names)):
            if not splits or self._split(name, told) in splits:
                yield Skipped(self._short(name), "named in the metadata, but not there")

    def _split(self, name: str, told: Mapping[str, tuple[Row, Roles]]) -> str | None:
        return split_named(self._short(name).split("/")[0]) if self.splits else None

    def _content(self, name: str, content: bytes) -> bytes | str | Skipped:
        """Return what is learnt from of a file."""
        return content

    def _record(self, name: str, content: bytes | str, told: Mapping[str, tuple[Row, Roles]]) -> Record:
        split = self._split(name, told)
        below = self._short(name).split("/")[1:] if split else self._short(name).split("/")
        label = below[0] if len(below) > 1 else None
        row, roles = told.get(name, ({}, Roles()))
        return Record(
            self._short(name),
            content,
            label=roles.text(row, "label") or label,
            caption=roles.text(row, "caption"),
            split=split,
            group=roles.text(row, "group"),
        )

    def _read_metadata(self) -> Mapping[str, tuple[Row, Roles]]:
        """Read what the metadata files say of each file, once."""
        if self._metadata is not None:
            return self._metadata
        told: dict[str, tuple[Row, Roles]] = {}
        files = {name for name in self._names if posixpath.basename(name) in METADATA}
        for name, content in self._tree.contents(lambda name: name in files) if files else ():
            if isinstance(content, Skipped):
                self._problems.append(content)
                continue
            lines = content.decode("utf-8-sig", "surrogateescape").splitlines(keepends=True)
            rows: list[Row] = []
            for row in rows_of(lines, PurePosixPath(name).suffix):
                if isinstance(row, Skipped):
                    self._problems.append(Skipped(f"{self._short(name)}, {row.name}", row.reason))
                else:
                    rows.append(row)
            roles = Roles.of(rows)
            for row in rows:
                file = roles.text(row, "file")
                if file is not None:
                    told[posixpath.normpath(posixpath.join(posixpath.dirname(name), file))] = (row, roles)
        self._metadata = told
        return told


class PictureTree(FileTree):
    """The pictures of a tree. Whether a file is a picture is seen when it is decoded, not from its name.

    A text file beside a picture that is called like it (``cat.jpg``, ``cat.txt``) is its caption, unless metadata say
    another one.
    """

    modality: Modality = "image"

    @cached_property
    def _beside(self) -> Mapping[str, str]:
        """The text file beside each picture that has one."""
        texts = {posixpath.splitext(name)[0]: name for name in self._names if name.lower().endswith(".txt")}
        others = (name for name in self._names if not name.lower().endswith(".txt"))
        return {name: texts[stem] for name in others if (stem := posixpath.splitext(name)[0]) in texts}

    @cached_property
    def _captions(self) -> Mapping[str, str]:
        """What those files say, by their names; one that cannot be read is a problem of its own."""
        wanted, said = set(self._beside.values()), {}
        for name, content in self._tree.contents(lambda name: name in wanted) if wanted else ():
            text = content if isinstance(content, Skipped) else decoded(content, name, None)
            if isinstance(text, Skipped):
                self._problems.append(Skipped(self._short(name), text.reason))
            else:
                said[name] = text.strip()
        return said

    def _examples(self) -> list[str]:
        captions = set(self._beside.values())
        return [name for name in super()._examples() if name not in captions]

    def _read_metadata(self) -> Mapping[str, tuple[Row, Roles]]:
        self._captions  # noqa: B018 - what of them cannot be read is told with the problems
        return super()._read_metadata()

    def _record(self, name: str, content: bytes | str, told: Mapping[str, tuple[Row, Roles]]) -> Record:
        record = super()._record(name, content, told)
        caption = self._captions.get(self._beside.get(name, ""))
        return replace(record, caption=caption) if record.caption is None and caption else record


class TextTree(FileTree):
    """The text files of a tree, each one text. What ends in something else than `TEXTS` is skipped."""

    modality: Modality = "text"

    def __init__(self, tree: Tree, encoding: str | None) -> None:
        self._encoding = encoding
        super().__init__(tree)

    def _content(self, name: str, content: bytes) -> str | Skipped:
        if not name.lower().endswith(TEXTS):
            return Skipped(name, f"not a text file ({', '.join(TEXTS)})")
        return decoded(content, name, self._encoding)


def _hidden(name: str) -> bool:
    # macOS packs what it knows of each file into a folder of this name.
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _common_root(names: Sequence[str]) -> str:
    """Return the folder that everything lies in: archives often hold one, and it is no class."""
    root = ""
    while names and all("/" in name.removeprefix(root) for name in names):
        tops = {name.removeprefix(root).split("/")[0] for name in names}
        if len(tops) > 1 or split_named(next(iter(tops))):
            break
        root += f"{tops.pop()}/"
    return root
