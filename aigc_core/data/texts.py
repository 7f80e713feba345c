"""Read texts from any source, by parts: lines, paragraphs, files, or pairs of a source and what was made of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from aigc_core.data.encoding import check_encoding
from aigc_core.data.gathering import label_names
from aigc_core.data.records import Record, Skipped, Source
from aigc_core.data.sources import readable
from aigc_core.data.sources.texts import KINDS, Unit, Wanted, open_texts
from aigc_core.data.splits import SPLITS, TRAIN, Part
from aigc_core.data.survey import described, tallies
from aigc_core.data.text_duplicates import exact, near
from aigc_core.data.text_store import Stored, Texts
from aigc_core.data.text_survey import TextSurvey, survey_of
from aigc_core.errors import ItemError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aigc_core.data.groups import Groups

#: What is done to each text before it is learnt from; it raises ItemError for one that is to be left out.
Prepare = Callable[[str], str]
Progress = Callable[[int, int | None], None]

#: Near duplicates are looked for among so many texts of so many bytes together, which takes a minute or so; more are
#: compared exactly only.
MOST_COMPARED, MOST_BYTES = 500_000, 200_000_000


class TextReading(BaseModel):
    """Which texts are taken out of the data, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str | None = Field(None, description="column that holds the texts")
    source: str | None = Field(None, description="column of what texts were made of, e.g. articles")
    target: str | None = Field(None, description="column of what was made of them, e.g. summaries")
    unit: Unit | None = Field(None, description="of a text file: line, paragraph or file is one text; none finds out")
    encoding: str | None = Field(None, description="of text files; none finds out or refuses")
    duplicates: Literal["keep", "exact", "near"] = Field(
        "keep", description="leave out what is there already: the very same, or nearly the same as well"
    )

    def wanted(self) -> Wanted:
        """Return what a source must know. Raises UsageError for an encoding that there is not."""
        columns = {role: column for role in ("text", "source", "target") if (column := getattr(self, role))}
        return Wanted(columns, self.unit, check_encoding(self.encoding) if self.encoding else None)


@dataclass(frozen=True, slots=True)
class TextData:
    """Texts that are learnt from, or held against.

    Attributes:
        texts: in the order of their source.
        sources: of each text what it was made of, e.g. an article of its summary, or None.
        labels: int64 ``(N,)``, each an index of ``label_names``, or None.
        label_names: names of the classes in order.
        vectors: float32 ``(N, D)`` that each text is conditioned by, or None.

    Raises:
        UsageError: numbers of texts, sources, labels and vectors differ.
    """

    texts: Sequence[str]
    sources: Sequence[str] | None = None
    labels: NDArray[np.int64] | None = None
    label_names: tuple[str, ...] = ()
    vectors: NDArray[np.float32] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("sources", "labels", "vectors"):
            given = getattr(self, name)
            if given is not None and len(given) != len(self.texts):
                raise UsageError(f"{len(self.texts):,} texts have {len(given):,} {name}")
        if self.labels is not None and (self.labels.min() < 0 or self.labels.max() >= len(self.label_names)):
            raise UsageError(f"labels go from {self.labels.min()} to {self.labels.max()}", hint="count from 0")

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> str:
        """Return a text alone: what wants nothing but texts goes through them as through a list."""
        return self.texts[index]

    def some(self, indices: NDArray[np.int64]) -> TextData:
        """Return the texts at `indices`, in that order."""
        return TextData(
            _some(self.texts, indices),
            None if self.sources is None else _some(self.sources, indices),
            None if self.labels is None else self.labels[indices],
            self.label_names,
            None if self.vectors is None else self.vectors[indices],
        )


@dataclass(frozen=True, slots=True)
class TextSet:
    """All texts of a source, and the part of the data that each belongs to.

    Attributes:
        data: all texts that are kept.
        parts: the split of each text.
        survey: what was found.
    """

    data: TextData
    parts: tuple[str, ...]
    survey: TextSurvey

    def part(self, split: str) -> TextData | None:
        """Return the texts of a split, or None where there are none."""
        places = np.array([place for place, part in enumerate(self.parts) if part == split], np.int64)
        if len(places) == len(self.parts):
            return self.data
        return self.data.some(places) if len(places) else None


def read_texts(
    path: str | Path,
    reading: TextReading | None = None,
    *,
    prepare: Prepare | None = None,
    least: int = 1,
    on_progress: Progress | None = None,
) -> TextSet:
    """Read the texts at `path` and say what was found.

    A source that comes in parts has its own, and what it lacks is cut from its part for training. Otherwise the group
    of each text decides, or else the digest of the first one that is nearly the same: a tenth is for validation, a
    tenth for the test.

    Args:
        path: a text file, a table, a folder or archive of text files, or a saved data set.
        reading: which texts, and how.
        prepare: done to each text before; it raises ItemError for one that is to be left out.
        least: so many texts are needed.
        on_progress: told how many records are done, and of how many if that is known.

    Raises:
        FileError: `path` is missing or damaged.
        UsageError: options are wrong, or it holds no texts, or fewer than needed.
    """
    path, reading = Path(path).expanduser(), reading or TextReading()
    found = _Found()
    with readable(path, KINDS):
        source = open_texts(path, reading.wanted())
        for done, record in enumerate(source.records(), 1):
            found.take(_prepared(record, prepare))
            if on_progress is not None:
                on_progress(done, source.count)
    if len(found.texts) < max(1, least):
        raise _too_few(path.name, found, least)
    return found.finish(source, reading.duplicates)


@dataclass(slots=True)
class _Found:
    """The texts of a source while it is read."""

    texts: Texts = field(default_factory=Texts)
    sources: Texts = field(default_factory=Texts)
    pairs: bool = False
    labels: list[str | None] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    splits: list[str | None] = field(default_factory=list)
    names: Texts = field(default_factory=lambda: Texts(errors="surrogatepass"))
    skipped: list[Skipped] = field(default_factory=list)

    def take(self, record: Record | Skipped) -> None:
        """Keep a text."""
        if isinstance(record, Skipped):
            self.skipped.append(record)
            return
        assert isinstance(record.content, str)
        self.pairs = self.pairs or record.source is not None
        self.texts.append(record.content)
        self.sources.append(record.source or "")
        self.labels.append(record.label)
        self.groups.append(record.group)
        self.splits.append(record.split)
        self.names.append(record.name)

    def finish(self, source: Source, duplicates: str) -> TextSet:
        """Survey the texts, part them, and leave out what is there more than once, if that is wanted."""
        same = exact(self.texts)
        compared = len(self.texts) <= MOST_COMPARED and self.texts.size <= MOST_BYTES
        alike = near(self.texts) if compared else same
        kept = {"keep": np.arange(len(self.texts)), "exact": _firsts(same), "near": _firsts(alike)}[duplicates]
        classes = label_names(self.labels, source.label_names)
        index = {name: place for place, name in enumerate(classes)}
        labels = np.array([index[label or ""] for label in self.labels], np.int64) if index else None
        whole = TextData(self.texts, self.sources if self.pairs else None, labels, classes)
        data = whole if len(kept) == len(whole) else whole.some(kept)
        parts = self._parts(source.splits, alike)
        parts = tuple(parts[place] for place in kept)
        counts = Counter(self.labels)
        survey = survey_of(
            kind=source.kind,
            texts=self.texts,
            splits={split: count for split in SPLITS if (count := parts.count(split))},
            split_by="source" if source.splits else "hash",
            kept=len(kept),
            skipped=tallies(self.skipped),
            lost=len(self.skipped),
            pairs=self.pairs,
            labels={name: counts[name] for name in classes},
            unlabelled=counts[None] if len(counts) > 1 else 0,
            same=same,
            alike=alike,
            compared=compared,
            names=self.names,
            fingerprint=self._fingerprint(kept),
        )
        return TextSet(data, parts, survey)

    def _parts(self, own: tuple[str, ...], alike: Groups) -> tuple[str, ...]:
        """Return the split of each text. What is nearly the same is never parted."""
        parts = {split: Part.of(own, split, "") for split in SPLITS if Part.possible(own, split)}
        assigned = []
        for place, first in enumerate(map(int, alike.of)):
            key = self.groups[place] or hashlib.sha256(self.texts[first].encode()).digest()
            mine = self.splits[place]
            fitting = (name for name, part in parts.items() if (not part.read or mine in part.read) and part.takes(key))
            assigned.append(next(fitting, TRAIN))
        return tuple(assigned)

    def _fingerprint(self, kept: NDArray[np.int64]) -> str:
        digest = hashlib.sha256(f"{self.texts.digest()} {len(kept)}".encode())
        if self.pairs:
            digest.update(self.sources.digest().encode())
        digest.update("\0".join(label or "" for label in self.labels).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def _some(texts: Sequence[str], indices: NDArray[np.int64]) -> Sequence[str]:
    return texts.some(indices) if isinstance(texts, Stored) else [texts[index] for index in indices]


def _firsts(groups: Groups) -> NDArray[np.int64]:
    return np.flatnonzero(groups.of == np.arange(len(groups.of)))


def _prepared(record: Record | Skipped, prepare: Prepare | None) -> Record | Skipped:
    """Return a record whose texts were prepared, or why it is left out."""
    if isinstance(record, Skipped):
        return record
    assert isinstance(record.content, str)
    try:
        content = prepare(record.content) if prepare else record.content
        source = prepare(record.source) if prepare and record.source else record.source
        # A lone surrogate stands for no character; no tokenizer and no file can hold it.
        f"{content}{source}".encode()
    except UnicodeEncodeError:
        return Skipped(record.name, "a lone surrogate, which is no character")
    except ItemError as error:
        return Skipped(record.name, error.message)
    if not content.strip() or not (source is None or source.strip()):
        return Skipped(record.name, "nothing is left of it")
    return replace(record, content=content, source=source)


def _too_few(name: str, found: _Found, least: int) -> UsageError:
    count = len(found.texts)
    has = {0: "no usable text", 1: "only one usable text"}.get(count, f"only {count:,} usable texts")
    needed = f", and {least:,} are needed" if least > 1 else ""
    why = "; ".join(f"skipped {described(tally)}" for tally in tallies(found.skipped)[:4])
    return UsageError(f"{name} has {has}{needed}" + (f": {why}" if why else ""), hint=f"give other data: {KINDS}")
