"""Gather decoded examples into one data set, and survey them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.data.duplicates import near
from aigc_core.data.groups import equal
from aigc_core.data.memory import Room
from aigc_core.data.pictures import Decoded, Fit, Size
from aigc_core.data.records import Skipped
from aigc_core.data.splits import Part
from aigc_core.data.survey import Survey, alike, tallies, warnings_for

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures in memory, ordered by name, and what was found where they were read.

    Attributes:
        pixels: uint8 ``(N, C, H, W)``, C is 1 (grey) or 3 (RGB).
        labels: int64 ``(N,)``, each an index of ``label_names``, or None.
        label_names: names of the classes in order.
        names: of the pictures within their source.
        captions: a text for each picture or None, or None where no picture has one.
        survey: what was found.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64] | None
    label_names: tuple[str, ...]
    names: tuple[str, ...]
    captions: tuple[str | None, ...] | None
    survey: Survey

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True, slots=True)
class Example:
    """One decoded picture and what is known of it.

    Attributes:
        digest: sha256 of its pixels.
        key: examples with the same key are never parted by a split.
    """

    name: str
    digest: bytes
    decoded: Decoded
    label: str | None
    caption: str | None
    key: str | bytes

    @property
    def lot(self) -> bytes:
        """What it draws where only so many are kept: as good as random, and always the same."""
        return hashlib.sha256(self.digest + self.name.encode("utf-8", "surrogateescape")).digest()


def digest_of(pixels: NDArray[np.uint8]) -> bytes:
    """Return the sha256 of pixels with their shape."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()


@dataclass(frozen=True, slots=True)
class Settings:
    """How pictures are read, checked.

    Attributes:
        size: width and height, or None: chosen by the data.
        channels: 1 or 3, or None: chosen by the data.
        fit, background: as in `decode`.
        limit: at most so many are kept.
        group: from the name of a picture to its group.
        tiny: whether pictures much smaller than the size are taken.
    """

    size: Size | None
    channels: int | None
    fit: Fit
    background: tuple[int, int, int]
    limit: int | None
    group: Callable[[str], str | None] | None
    tiny: bool = False


@dataclass(slots=True)
class Gathering:
    """The examples of a part while it is read."""

    part: Part
    size: Size
    settings: Settings
    room: Room
    examples: list[Example] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    usable: int = 0

    def take(self, example: Example | Skipped) -> None:
        """Keep an example that belongs to the part.

        Raises:
            UsageError: the memory is full.
        """
        if isinstance(example, Skipped):
            self.skipped.append(example)
        elif self.part.takes(example.key):
            self.usable += 1
            self.examples.append(example)
            self.room.take(example.decoded.pixels.nbytes)
            limit = self.settings.limit
            if limit is not None and len(self.examples) > 2 * limit:
                self._draw(limit)

    def _draw(self, limit: int) -> None:
        drawn = sorted(self.examples, key=lambda example: example.lot)
        self.examples = drawn[:limit]
        self.room.take(-sum(example.decoded.pixels.nbytes for example in drawn[limit:]))

    @property
    def channels(self) -> int:
        """1 if all pictures are grey, else 3."""
        return 1 if all(example.decoded.pixels.ndim == 2 for example in self.examples) else 3

    def finish(self, kind: str, label_names: tuple[str, ...], channels: int) -> Dataset:
        """Put the examples in order and survey them; there is at least one.

        Args:
            kind: of the source.
            label_names: of all classes in order, or none.
            channels: 1 or 3.
        """
        if self.settings.limit is not None:
            self._draw(self.settings.limit)
        self.examples.sort(key=lambda example: (example.name, example.digest))
        names = tuple(example.name for example in self.examples)
        captions = tuple(example.caption for example in self.examples)
        index = {name: number for number, name in enumerate(label_names)}
        labels = np.array([index[example.label or ""] for example in self.examples], np.int64) if index else None
        pixels = stacked([example.decoded.pixels for example in self.examples], self.size, channels)
        survey = self._survey(kind, pixels, label_names, names)
        return Dataset(pixels, labels, label_names, names, captions if any(captions) else None, survey)

    def _survey(
        self, kind: str, pixels: NDArray[np.uint8], label_names: tuple[str, ...], names: Sequence[str]
    ) -> Survey:
        same = equal(example.digest for example in self.examples)
        similar = near(pixels, same)
        originals = sorted((example.decoded.original for example in self.examples), key=lambda size: size[0] * size[1])
        sizes = (originals[0], originals[len(originals) // 2], originals[-1])
        counted = Counter(example.label for example in self.examples)
        by_label = {name: counted[name] for name in label_names}
        found, distinct = self.usable + len(self.skipped), len(pixels) - similar.surplus
        return Survey(
            source=kind,
            split=self.part.name,
            split_by="hash" if self.part.cut else "source" if self.part.read else "none",
            found=found,
            usable=self.usable,
            kept=len(pixels),
            skipped=tallies(self.skipped),
            notes=tallies(self._notes()),
            size=self.size,
            channels=pixels.shape[1],
            fit=self.settings.fit,
            sizes=sizes,
            modes=dict(Counter(example.decoded.mode for example in self.examples).most_common()),
            labels=by_label,
            captions=sum(example.caption is not None for example in self.examples),
            exact=alike(same, names),
            near=alike(similar, names),
            distinct=distinct,
            memory=pixels.nbytes,
            fingerprint=_fingerprint(pixels.shape, self.examples, bool(label_names)),
            warnings=warnings_for(
                kept=len(pixels),
                distinct=distinct,
                found=found,
                skipped=len(self.skipped),
                size=self.size,
                middle=sizes[1],
                labels=by_label,
                unlabelled=counted[None] if len(counted) > 1 else 0,
                captioned=any(example.caption for example in self.examples),
            ),
        )

    def _notes(self) -> Iterator[Skipped]:
        for example in self.examples:
            if example.decoded.note:
                yield Skipped(example.name, example.decoded.note)


def label_names(labels: Iterable[str | None], ordered: tuple[str, ...]) -> tuple[str, ...]:
    """Return the classes among `labels`, which are of examples; none where an example has none.

    They come in the source's order, if it gives one; otherwise numbers by value and others by name.
    """
    labels = set(labels)
    found = {label for label in labels if label is not None}
    if None in labels:
        return ()
    if found <= set(ordered):
        return tuple(name for name in dict.fromkeys(ordered) if name in found)
    return tuple(sorted(found, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)))


def stacked(pictures: list[NDArray[np.uint8]], size: Size, channels: int) -> NDArray[np.uint8]:
    """Return pictures ``(H, W)`` and ``(H, W, 3)`` as one array ``(N, C, H, W)``."""
    pixels = np.empty((len(pictures), channels, size[1], size[0]), np.uint8)
    for index, picture in enumerate(pictures):
        if picture.ndim == 2:
            pixels[index] = picture
        elif channels == 3:
            pixels[index] = picture.transpose(2, 0, 1)
        else:
            pixels[index] = _luma(picture)
    return pixels


def _luma(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the grey values ``(H, W)`` of RGB ``(H, W, 3)``: ITU-R BT.601, in the whole numbers of Pillow."""
    red, green, blue = (picture[..., channel].astype(np.uint32) for channel in range(3))
    return np.asarray((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)


def _fingerprint(shape: tuple[int, ...], examples: Sequence[Example], labelled: bool) -> str:
    digest = hashlib.sha256(repr(shape).encode())
    for example in examples:
        label = (example.label or "").encode("utf-8", "surrogateescape") if labelled else b""
        digest.update(example.digest + len(label).to_bytes(4) + label)
        if example.caption is not None:
            digest.update(b"\0" + example.caption.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
