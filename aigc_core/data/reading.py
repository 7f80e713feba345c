"""Read pictures from any source, whole or by parts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from aigc_core.data.gathering import Dataset, Example, Gathering, Settings, digest_of, label_names
from aigc_core.data.memory import Room
from aigc_core.data.pictures import FITS, Size, UnusableError, colour, decode, measure
from aigc_core.data.records import Record, Skipped, Source
from aigc_core.data.sources import KINDS, open_source
from aigc_core.data.splits import SPLITS, Part
from aigc_core.data.survey import described, tallies
from aigc_core.errors import UsageError

Progress = Callable[[int, int | None], None]
Group = Callable[[str], str | None]

#: Width and height where nothing says otherwise, the largest that the data fills: small models learn no larger ones.
SIZES = (32, 64)

SMALLEST_SIZE, LARGEST_SIZE = 4, 1024


def read(
    path: str | Path,
    *,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    fit: str = "crop",
    background: str = "white",
    split: str | None = None,
    tiny: bool = False,
    limit: int | None = None,
    least: int = 2,
    group: Group | None = None,
    on_progress: Progress | None = None,
) -> Dataset:
    """Read the pictures at `path` and say what was found.

    Args:
        path: a folder, archive, table, list, file of arrays or saved data set; see `open_source`.
        size: height and width in pixels, or one number for both. Default: that of the pictures if all are of one size,
            square and at most 64 × 64; otherwise the largest of 32 and 64 that the middle picture fills.
        channels: 1 or 3. Default: 1 if all pictures are grey, else 3.
        fit: how pictures of another shape are brought to it: ``"crop"``, ``"pad"`` or ``"stretch"``.
        background: a colour as in CSS, seen through transparent pixels and around padded pictures.
        tiny: take pictures that are much smaller than `size`, too: they are only looked at.
        split: which part. A source that comes in parts has its own, and what it lacks is cut from its part for
            training; otherwise the digest of each picture at this size, or its group, decides: a tenth is for
            validation, a tenth for the test. ``"all"`` takes everything. Default: the source's own part for training,
            or everything.
        limit: at most so many pictures, drawn evenly from all and always the same.
        least: so many pictures are needed.
        group: from the name of a picture to a group that no split parts; a column ``group`` says so, too.
        on_progress: told how many records are done, and of how many if that is known.

    Raises:
        FileError: `path` is missing or damaged.
        UsageError: options are wrong, it holds no pictures or fewer than needed, or too many for the memory.
    """
    settings = _settings(size, channels, fit, background, limit, group, tiny)
    source, name = _pictures_at(path)
    part = Part.of(source.splits, split, name)
    size_of_all = settings.size or _size_of(source, part.read)
    (gathered,) = _gather(source, name, [part], size_of_all, settings, on_progress)
    if len(gathered.examples) < max(1, least):
        raise _too_few(name, gathered, least)
    classes = label_names(_labels([gathered]), source.label_names)
    return gathered.finish(source.kind, classes, settings.channels or gathered.channels)


def read_parts(
    path: str | Path,
    splits: Sequence[str] = SPLITS,
    *,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    fit: str = "crop",
    background: str = "white",
    tiny: bool = False,
    group: Group | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Dataset]:
    """Read several parts of the data at `path`, and leave out those with nothing in them.

    The other arguments and the errors are those of `read`. What cannot be read stands in the survey of each part that
    it could have belonged to. All parts have the same names of classes, and the same size and channels.
    """
    settings = _settings(size, channels, fit, background, None, group, tiny)
    source, name = _pictures_at(path)
    parts = [Part.of(source.splits, split, name) for split in splits if Part.possible(source.splits, split)]
    reads = dict.fromkeys(part.read for part in parts)
    wanted = () if () in reads else tuple({split for own in reads for split in own})
    size_of_all = settings.size or _size_of(source, wanted)
    found: dict[str, Gathering] = {}
    # One pass through the source for all that is cut from the same part of it.
    for own in reads:
        together = [part for part in parts if part.read == own]
        for gathered in _gather(source, name, together, size_of_all, settings, on_progress):
            if gathered.examples:
                found[gathered.part.name] = gathered
    classes = label_names(_labels(found.values()), source.label_names)
    channels = settings.channels or max((gathered.channels for gathered in found.values()), default=1)
    return {split: found[split].finish(source.kind, classes, channels) for split in splits if split in found}


def _labels(parts: Iterable[Gathering]) -> Iterator[str | None]:
    return (example.label for part in parts for example in part.examples)


def _pictures_at(path: str | Path) -> tuple[Source, str]:
    source = open_source(path)
    name = Path(path).name or str(path)
    if source.modality != "image":
        raise UsageError(f"{name} holds texts, and pictures are needed", hint=f"pictures come as {KINDS}")
    return source, name


def _settings(
    size: int | tuple[int, int] | None,
    channels: int | None,
    fit: str,
    background: str,
    limit: int | None,
    group: Group | None,
    tiny: bool,
) -> Settings:
    sides = (size, size) if isinstance(size, int) else size
    for side in sides or ():
        if not SMALLEST_SIZE <= side <= LARGEST_SIZE:
            raise UsageError(
                f"pictures of {side} pixels cannot be learnt",
                hint=f"give a size from {SMALLEST_SIZE} to {LARGEST_SIZE}",
            )
    if channels not in (None, 1, 3):
        raise UsageError(f"there are no pictures of {channels} channels", hint="give 1 for grey, 3 for colour")
    known = next((known for known in FITS if known == fit), None)
    if known is None:
        raise UsageError(f"fit cannot be {fit!r}", hint=f"it is {', '.join(FITS)}")
    if limit is not None and limit < 1:
        raise UsageError(f"the limit is {limit}", hint="give a number from 1")
    return Settings((sides[1], sides[0]) if sides else None, channels, known, colour(background), limit, group, tiny)


def _gather(
    source: Source,
    name: str,
    parts: Sequence[Part],
    size: Size,
    settings: Settings,
    on_progress: Progress | None,
) -> list[Gathering]:
    """Go once through the source for `parts`, which all lie in the same of its own splits."""
    own = parts[0].read
    room = Room(name)
    gathered = [Gathering(part, size, settings, room) for part in parts]
    for done, record in enumerate(source.records(own), 1):
        example = _decoded(record, size, settings)
        for part in gathered:
            part.take(example)
        if on_progress is not None:
            on_progress(done, source.count if set(own) in (set(), set(source.splits)) else None)
    return gathered


def _size_of(source: Source, splits: Collection[str]) -> Size:
    """Choose the size from those of all pictures, read from their headers."""
    sizes = []
    for record in source.records(splits):
        if isinstance(record, Record) and not isinstance(record.content, str):
            try:
                sizes.append(measure(record.content))
            except UnusableError:
                continue
    if len(set(sizes)) == 1 and sizes[0][0] == sizes[0][1] and SMALLEST_SIZE <= sizes[0][0] <= SIZES[-1]:
        return sizes[0]
    middle = sorted(min(size) for size in sizes)[len(sizes) // 2] if sizes else 0
    side = max((side for side in SIZES if side <= middle), default=SIZES[0])
    return side, side


def _decoded(record: Record | Skipped, size: Size, settings: Settings) -> Example | Skipped:
    if isinstance(record, Skipped):
        return record
    if isinstance(record.content, str):
        return Skipped(record.name, "not a picture")
    try:
        decoded = decode(record.content, size, fit=settings.fit, background=settings.background, tiny=settings.tiny)
    except UnusableError as error:
        return Skipped(record.name, str(error))
    digest = digest_of(decoded.pixels)
    group = (settings.group(record.name) if settings.group else None) or record.group
    return Example(record.name, digest, decoded, record.label, record.caption, digest if group is None else group)


def _too_few(name: str, gathered: Gathering, least: int) -> UsageError:
    count, found = len(gathered.examples), gathered.usable + len(gathered.skipped)
    has = {0: "no usable picture", 1: "only one usable picture"}.get(count, f"only {count:,} usable pictures")
    part = "" if gathered.part.name == "all" else f" in its part {gathered.part.name}"
    needed = f", and {least:,} are needed" if least > 1 else ""
    why = "; ".join(f"skipped {described(tally)}" for tally in tallies(gathered.skipped)[:4])
    return UsageError(
        f"{name} has {has}{part}{needed}: {found:,} found" + (f"; {why}" if why else ""),
        hint="mend or add pictures; any format that Pillow reads will do" if found else f"data is {KINDS}",
    )
