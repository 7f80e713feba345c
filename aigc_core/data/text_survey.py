"""What was found in texts: a report for people and for ``survey.json``."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.data.records import printable
from aigc_core.data.survey import Alike, Tally, described
from aigc_core.data.survey import alike as named

if TYPE_CHECKING:
    from aigc_core.content import JSON
    from aigc_core.data.groups import Groups

#: Texts whose scripts are looked at, taken evenly from all.
LOOKED_AT = 2000
#: With fewer different letters of text than this, nothing but the text itself can be learnt.
SMALL = 100_000
_MANY = 0.1
_UNBALANCED = 10


@dataclass(frozen=True, slots=True)
class TextSurvey:
    """What was found where texts were read. It holds no path, and is the same wherever the data lies.

    Attributes:
        source: what kind of source it is.
        splits: texts by the part of the data that they belong to.
        split_by: ``"source"`` where the data comes in parts, or ``"hash"`` where they were cut.
        found: texts and other things in it.
        usable: texts that can be read.
        kept: those of them that are here.
        skipped: why others were not.
        characters: in all usable texts.
        lengths: of the shortest, the middle and the longest text, in characters.
        scripts: share of the letters by script, e.g. ``{"CJK": 0.9, "LATIN": 0.1}``, of some texts.
        pairs: whether each text has a source.
        labels: names of the classes with counts, in order; or none.
        exact: texts that are the same.
        near: texts that are nearly the same, those of ``exact`` included.
        compared: whether near ones were looked for at all.
        distinct: groups of texts that differ.
        fingerprint: sha256 of texts, sources and labels, in order.
        warnings: what may go wrong with this data.
    """

    source: str
    splits: Mapping[str, int]
    split_by: str
    found: int
    usable: int
    kept: int
    skipped: tuple[Tally, ...]
    characters: int
    lengths: tuple[int, int, int]
    scripts: Mapping[str, float]
    pairs: bool
    labels: Mapping[str, int]
    exact: Alike
    near: Alike
    compared: bool
    distinct: int
    fingerprint: str
    warnings: tuple[str, ...]

    def document(self) -> JSON:
        """Return what ``survey.json`` holds."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Say what was found, in sentences for a terminal, without the warnings."""
        kind = "pairs" if self.pairs else "texts"
        told = [f"{self.source}: {self.usable:,} usable {kind} of {self.found:,} found"]
        told += [f"skipped: {described(tally)}" for tally in self.skipped]
        shortest, middle, longest = self.lengths
        told.append(
            f"{self.characters:,} characters; lengths: {shortest:,} to {longest:,}, the middle one {middle:,}; "
            f"scripts: {', '.join(f'{name} {share:.0%}' for name, share in self.scripts.items()) or 'no letters'}"
        )
        if self.labels:
            shown = [f"{printable(name)} {count:,}" for name, count in list(self.labels.items())[:12]]
            more = f", and {len(self.labels) - 12} more" if len(self.labels) > 12 else ""
            told.append(f"classes ({len(self.labels)}): {', '.join(shown)}{more}")
        nearly = f"{self.near.surplus - self.exact.surplus:,} near" if self.compared else "near ones not looked for"
        told.append(f"duplicates: {self.exact.surplus:,} exact, {nearly}; {self.distinct:,} different texts")
        if self.kept < self.usable:
            told.append(f"left out as duplicates: {self.usable - self.kept:,}")
        return told


def survey_of(
    *,
    kind: str,
    texts: Sequence[str],
    splits: Mapping[str, int],
    split_by: str,
    kept: int,
    skipped: tuple[Tally, ...],
    lost: int,
    labels: Mapping[str, int],
    unlabelled: int,
    same: Groups,
    alike: Groups,
    compared: bool,
    names: Sequence[str],
    fingerprint: str,
    pairs: bool,
) -> TextSurvey:
    """Survey texts, of which there is at least one."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    characters, distinct = int(lengths.sum()), len(texts) - alike.surplus
    ordered = np.sort(lengths)
    return TextSurvey(
        source=kind,
        splits=splits,
        split_by=split_by,
        found=len(texts) + lost,
        usable=len(texts),
        kept=kept,
        skipped=skipped,
        characters=characters,
        lengths=(int(ordered[0]), int(ordered[len(ordered) // 2]), int(ordered[-1])),
        scripts=_scripts(texts),
        pairs=pairs,
        labels=labels,
        exact=named(same, names),
        near=named(alike, names),
        compared=compared,
        distinct=distinct,
        fingerprint=fingerprint,
        warnings=_warnings(len(texts), distinct, kept, lost, characters, labels, unlabelled),
    )


def _scripts(texts: Sequence[str]) -> dict[str, float]:
    """Return the share of letters of each script in some of the texts, the largest first."""
    places = np.linspace(0, len(texts) - 1, min(LOOKED_AT, len(texts))).astype(int)
    counts: Counter[str] = Counter()
    for place in places:
        counts.update(_script(letter) for letter in texts[place] if letter.isalpha())
    total = counts.total()
    return {name: round(count / total, 4) for name, count in counts.most_common(5)} if total else {}


@cache
def _script(letter: str) -> str:
    """Return the first word of a letter's name in Unicode, which is its script: ``LATIN``, ``CJK``, ``HIRAGANA``."""
    return unicodedata.name(letter, "UNKNOWN").partition(" ")[0]


def _warnings(
    count: int, distinct: int, kept: int, lost: int, characters: int, labels: Mapping[str, int], unlabelled: int
) -> tuple[str, ...]:
    told = []
    if distinct == 1 < count:
        told.append(f"all {count:,} texts are the same: nothing but that text can be learnt")
    elif characters < SMALL:
        told.append(
            f"only {characters:,} characters: a model will learn them by heart; give more, take a smaller preset, "
            "or fine-tune a model with --from"
        )
    if kept == count and distinct > 1 and count - distinct > _MANY * count:
        told.append(
            f"{count - distinct:,} of {count:,} texts are duplicates: they will be seen more often, "
            "and learnt by heart first; leave them out: --set duplicates=near"
        )
    if lost > _MANY * (count + lost):
        told.append(f"{lost:,} of {count + lost:,} texts are left out; see why above")
    if unlabelled:
        told.append(f"texts without a class where others have one: {unlabelled:,}; all are learnt without classes")
    if labels and max(labels.values()) >= _UNBALANCED * min(labels.values()):
        rare, often = min(labels, key=lambda name: labels[name]), max(labels, key=lambda name: labels[name])
        told.append(
            f"classes are not balanced: {printable(often)!r} has {labels[often]:,} texts, "
            f"{printable(rare)!r} has {labels[rare]:,}"
        )
    return tuple(told)
