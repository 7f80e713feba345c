"""What a source of data yields: records, and what had to be skipped with the reason.

Content is plain: encoded bytes of a picture, an array of its pixels, or a ``str``. So one reader of files serves
pictures and texts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Bytes that one record may have. A larger file is no picture that a small model learns from.
MAX_BYTES = 256 * 1024**2

Modality = Literal["image", "text"]


@dataclass(frozen=True, slots=True)
class Record:
    """One example as its source holds it.

    Attributes:
        name: unique within the source in all sane cases, e.g. the path below a folder; orders the examples.
        content: an encoded picture (bytes), its pixels (array ``(H, W)`` or ``(H, W, C)``, uint8), or a text.
        label: name of its class, or None.
        caption: a text that describes it, or None.
        source: the text that a text was made of, such as an article of its summary, or None.
        split: the part of the data that the source puts it in, or None where the source has no parts.
        group: examples of one group are never parted by a split that is made here, or None.
    """

    name: str
    content: bytes | NDArray[Any] | str
    label: str | None = None
    caption: str | None = None
    source: str | None = None
    split: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that is not read, and why, in a few words that many of a kind share."""

    name: str
    reason: str


class Source(Protocol):
    """Where records come from. It may be gone through more than once, and reads while it is gone through."""

    @property
    def kind(self) -> str:
        """What it is, for people: ``"folder"``, ``"ZIP archive"``, …"""

    @property
    def modality(self) -> Modality:
        """What its records are."""

    @property
    def splits(self) -> tuple[str, ...]:
        """The parts it comes in, among ``"train"``, ``"validation"`` and ``"test"``, or none."""

    @property
    def label_names(self) -> tuple[str, ...]:
        """The classes in the order that the source itself gives, or none: then they are sorted by name."""

    @property
    def count(self) -> int | None:
        """How many there are in all splits, as far as it is known without reading them; skipped ones included."""

    def records(self, splits: Collection[str] = ()) -> Iterator[Record | Skipped]:
        """Yield what belongs to `splits`, or everything."""


def printable(name: str) -> str:
    """Return `name` in one line, as it may be shown: control characters escaped, odd bytes replaced."""
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in name)
