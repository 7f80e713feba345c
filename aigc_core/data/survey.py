"""What was found in the data: a report for people and for ``survey.json``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from aigc_core.data.records import Skipped, printable

if TYPE_CHECKING:
    from aigc_core.content import JSON
    from aigc_core.data.groups import Groups

#: Names that stand as examples.
EXAMPLES = 5

#: Below this many different pictures, a GAN without help learns them by heart: even with adaptive augmentation, Karras
#: et al. 2020 (Training generative adversarial networks with limited data) do not go below 1,000.
TINY = 500

# From when a person should know: classes so many times as large as others, and this part of all files.
_UNBALANCED = 10
_MANY = 0.1


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something was seen, with the first few names."""

    what: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alike:
    """Pictures that are there more than once.

    Attributes:
        surplus: pictures besides the first of each group.
        groups: names of the pictures in the largest groups, a few of each.
    """

    surplus: int
    groups: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found where data was read. It holds no path, and is the same wherever the data lies.

    Attributes:
        source: what kind of source it is, e.g. ``"folder"``.
        split: which part was read: ``"train"``, ``"validation"``, ``"test"``, or ``"all"``.
        split_by: ``"source"`` where the data comes in parts, ``"hash"`` where the part was cut out by digests of the
            content, or ``"none"``.
        found: pictures and other files in it.
        usable: pictures that can be read.
        kept: those of them that are here: all, or as many as a limit allows.
        skipped: why others were not.
        notes: what was done to some that a person may want to know.
        size: width and height of all pictures now, in pixels.
        channels: 1 (grey) or 3 (RGB).
        fit: how they were brought to the size.
        sizes: width and height before: of the smallest, the middle and the largest by area.
        modes: Pillow's names of modes before, with counts.
        labels: names of the classes with counts, in order; or none.
        captions: pictures that have a caption.
        exact: pictures whose pixels are the same.
        near: pictures that look nearly the same, those of ``exact`` included.
        distinct: groups of pictures that look different.
        memory: bytes that the pixels take.
        fingerprint: sha256 of pixels and labels, in order; for the same data read with the same settings it is equal,
            wherever the data lies and however its files are ordered.
        warnings: what may go wrong with this data.
    """

    source: str
    split: str
    split_by: str
    found: int
    usable: int
    kept: int
    skipped: tuple[Tally, ...]
    notes: tuple[Tally, ...]
    size: tuple[int, int]
    channels: int
    fit: str
    sizes: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    modes: Mapping[str, int]
    labels: Mapping[str, int]
    captions: int
    exact: Alike
    near: Alike
    distinct: int
    memory: int
    fingerprint: str
    warnings: tuple[str, ...]

    def document(self) -> JSON:
        """Return what ``survey.json`` holds."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Say what was found, in sentences for a terminal, without the warnings."""
        smallest, middle, largest = (f"{width}×{height}" for width, height in self.sizes)
        part = "" if self.split == "all" else f", part {self.split}" + (" (by hash)" if self.split_by == "hash" else "")
        told = [f"{self.source}{part}: {self.usable:,} usable pictures of {self.found:,} found"]
        told += [f"drawn from them: {self.kept:,}"] if self.kept < self.usable else []
        told += [f"skipped: {described(tally)}" for tally in self.skipped]
        told += [f"note: {described(tally)}" for tally in self.notes]
        sizes = smallest if smallest == largest else f"{smallest} to {largest}, the middle one {middle}"
        kind = "grey" if self.channels == 1 else "RGB"
        told.append(
            f"sizes: {sizes}; now {self.size[0]}×{self.size[1]} {kind} ({self.fit}), {self.memory / 1024**2:,.1f} MiB"
        )
        told.append(f"modes: {', '.join(f'{mode} {count:,}' for mode, count in self.modes.items())}")
        if self.labels:
            shown = [f"{printable(name)} {count:,}" for name, count in list(self.labels.items())[:12]]
            more = f", and {len(self.labels) - 12} more" if len(self.labels) > 12 else ""
            told.append(f"classes ({len(self.labels)}): {', '.join(shown)}{more}")
        told.append(
            f"duplicates: {self.exact.surplus:,} exact, {self.near.surplus - self.exact.surplus:,} near; "
            f"{self.distinct:,} different pictures"
        )
        return told


def described(tally: Tally) -> str:
    """Return a tally in words: ``3 not a picture (a.txt, b.txt, …)``."""
    more = ", …" if tally.count > len(tally.examples) else ""
    names = ", ".join(name[-60:] for name in tally.examples)
    return f"{tally.count:,} {tally.what}" + (f" ({names}{more})" if names else "")


def tallies(things: Iterable[Skipped]) -> tuple[Tally, ...]:
    """Count by reason, the most frequent first."""
    counts: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for thing in things:
        counts[thing.reason] += 1
        if len(named := examples.setdefault(thing.reason, [])) < EXAMPLES:
            named.append(printable(thing.name))
    return tuple(Tally(what, count, tuple(examples[what])) for what, count in counts.most_common())


def alike(groups: Groups, names: Sequence[str]) -> Alike:
    """Name the members of the largest groups."""
    found = groups.examples(EXAMPLES, EXAMPLES)
    return Alike(groups.surplus, tuple(tuple(printable(names[index]) for index in group) for group in found))


def warnings_for(
    *,
    kept: int,
    distinct: int,
    found: int,
    skipped: int,
    size: tuple[int, int],
    middle: tuple[int, int],
    labels: Mapping[str, int],
    unlabelled: int,
    captioned: bool,
) -> tuple[str, ...]:
    """Say what may go wrong with such data.

    Args:
        kept, distinct, found, labels: as in `Survey`.
        skipped: how many are not used.
        size: width and height of the pictures now, in pixels.
        middle: width and height of the middle picture before.
        unlabelled: pictures without a class where others have one.
        captioned: whether pictures have captions; then one that is there again has another caption, and is no surplus.
    """
    told = []
    if distinct == 1 < kept:
        told.append(f"all {kept:,} pictures look the same: nothing but that picture can be learnt")
    elif distinct < TINY:
        told.append(
            f"only {distinct:,} different pictures: a network may learn them by heart; "
            "augment more, or fine-tune a model with --from"
        )
    if distinct > 1 and not captioned and kept - distinct > _MANY * kept:
        told.append(f"{kept - distinct:,} of {kept:,} pictures are duplicates: they will be seen more often")
    if skipped > _MANY * found:
        told.append(f"{skipped:,} of {found:,} files are left out; see why above")
    if middle[0] < size[0] or middle[1] < size[1]:
        told.append(
            f"most pictures are smaller than {size[0]}×{size[1]} and are enlarged: a smaller size loses nothing"
        )
    if unlabelled:
        told.append(f"pictures without a class where others have one: {unlabelled:,}; all are learnt without classes")
    if len(labels) == 1:
        told.append(f"there is one class only, {printable(next(iter(labels)))!r}: there is nothing to choose from")
    elif labels:
        rare, often = min(labels, key=lambda name: labels[name]), max(labels, key=lambda name: labels[name])
        if labels[often] >= _UNBALANCED * labels[rare]:
            told.append(
                f"classes are not balanced: {printable(often)!r} has {labels[often]:,} pictures, "
                f"{printable(rare)!r} has {labels[rare]:,}"
            )
    return tuple(told)
