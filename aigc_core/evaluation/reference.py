"""Real examples that a model is held against: parts of some data, read when they are first asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aigc_core.data import SEEN, TextData
from aigc_core.errors import UsageError, unknown
from aigc_core.evaluation.records import Source
from aigc_core.protocols import Items

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aigc_core.data import TextSet

SPLITS = ("train", "validation", "test")


class Dataset(Protocol):
    """Pictures with or without labels, as ``aigc_core.Pictures`` holds them."""

    @property
    def pixels(self) -> NDArray[np.uint8]: ...
    @property
    def labels(self) -> NDArray[np.int64] | None: ...
    @property
    def label_names(self) -> tuple[str, ...]: ...


Embed = Callable[[Any], Any]

#: Where real examples come from: a path that ``aigc train`` takes, too, or data sets by split.
Data = str | Path | Mapping[str, Dataset | TextData]


@dataclass(frozen=True)
class Real:
    """One part of the data.

    Attributes:
        items: the content.
        conditions: label of each, as an index of the model's labels, or None where they are not the model's.
        sources: what each was made of, or could be: of a text another text, of a picture its caption; or None.
        vectors: float32 ``(N, D)`` that each text is conditioned by, or None.
    """

    source: Source
    items: Items
    conditions: NDArray[np.int64] | None
    sources: list[str] | None = None
    vectors: NDArray[np.float32] | None = None

    def first(self, indices: NDArray[np.int64]) -> Real:
        """Return some of the examples, in that order."""
        conditions = None if self.conditions is None else self.conditions[indices]
        items = take(self.items, indices)
        sources = None if self.sources is None else take(self.sources, indices)
        source = Source(split=self.source.split, n=len(indices), sha256=digest(items))
        return Real(source, items, conditions, sources, None if self.vectors is None else self.vectors[indices])


class Reference:
    """The parts of some data, each read once.

    Args:
        data: a path, or data sets by split (``"train"``, ``"validation"``, ``"test"``).
        modality: of the examples.
        shape: of one picture, ``(C, H, W)``: pictures in files are brought to it.
        labels: of the model, in order.
        embed: of a model that writes about pictures: makes vectors of them; files then hold pictures with captions.
    """

    def __init__(
        self, data: Data, modality: str, shape: Sequence[int], labels: Sequence[str], embed: Embed | None = None
    ) -> None:
        self._shape = tuple(shape)
        self._labels = tuple(labels)
        for split in () if isinstance(data, (str, Path)) else data:
            if split not in SPLITS:
                raise unknown("split", split, SPLITS)
        if not isinstance(data, (str, Path)):
            self._read: Callable[[str], Dataset | TextData | None] = data.get
        elif embed is not None:
            self._read = _described(Path(data), embed)
        else:
            self._read = _reader(Path(data), modality, self._shape)
        self._parts: dict[str, Real | None] = {}

    def part(self, split: str) -> Real | None:
        """Return a part, or None where there is nothing in it.

        Raises:
            UsageError: its examples are of another shape than the model's.
        """
        if split not in self._parts:
            found = self._read(split)
            self._parts[split] = self._part(split, found)
        return self._parts[split]

    def _part(self, split: str, found: Dataset | TextData | None) -> Real | None:
        if isinstance(found, TextData):
            texts, sources = list(found.texts), None if found.sources is None else list(found.sources)
            conditions = _as_conditions(found.labels, found.label_names, self._labels)
            source = Source(split=split, n=len(texts), sha256=digest(texts))
            return Real(source, texts, conditions, sources, found.vectors)
        return self._real(split, found) if found is not None and len(found.pixels) else None

    def _real(self, split: str, found: Dataset) -> Real:
        if self._shape and found.pixels.shape[1:] != self._shape:
            raise UsageError(
                f"the {split} pictures are {_spell(found.pixels.shape[1:])}, and the model's {_spell(self._shape)}"
            )
        source = Source(split=split, n=len(found.pixels), sha256=digest(found.pixels))
        captions = list(getattr(found, "captions", None) or ())
        conditions = _as_conditions(found.labels, found.label_names, self._labels)
        return Real(source, found.pixels, conditions, captions if captions and all(captions) else None)


def _described(path: Path, embed: Embed) -> Callable[[str], TextData | None]:
    """Return what reads the captions of the pictures at `path`, each with the vector of its picture."""

    @cache
    def parts() -> Mapping[str, TextData]:
        from aigc_core.data import CaptionedPictures, read_parts

        found = read_parts(path, SPLITS, size=SEEN, tiny=True)
        return {split: CaptionedPictures.of(data).as_texts(embed) for split, data in found.items() if data.captions}

    return lambda split: parts().get(split)


def _reader(path: Path, modality: str, shape: tuple[int, ...]) -> Callable[[str], Dataset | TextData | None]:
    """Return what reads the parts of the data at `path`, once."""
    if modality == "text":

        @cache
        def texts() -> TextSet:
            from aigc_core.data import read_texts

            return read_texts(path)

        return lambda split: texts().part(split)

    @cache
    def parts() -> Mapping[str, Dataset]:
        from aigc_core.data import read_parts

        channels, height, width = shape
        return read_parts(path, SPLITS, size=(height, width), channels=channels)

    return lambda split: parts().get(split)


def _as_conditions(
    found: NDArray[np.int64] | None, names: Sequence[str], labels: tuple[str, ...]
) -> NDArray[np.int64] | None:
    """Translate the data's labels into the model's, by name."""
    import numpy as np

    if found is None or not labels or not set(names) <= set(labels):
        return None
    place = np.array([labels.index(name) for name in names], np.int64)
    return place[found]


def take(items: Items, indices: NDArray[np.int64]) -> Items:
    """Return some of the items, in that order."""
    return [items[index] for index in indices] if isinstance(items, list) else items[indices]


def digest(items: Items) -> str:
    """Return the sha256 of content: of shape and bytes of pictures, of texts with their lengths."""
    digest = hashlib.sha256()
    if isinstance(items, list):
        for text in items:
            encoded = text.encode()
            digest.update(b"%d:" % len(encoded) + encoded)
        return digest.hexdigest()
    digest.update(f"{items.dtype.name} {items.shape}\n".encode())
    digest.update(memoryview(_contiguous(items)).cast("B"))
    return digest.hexdigest()


def _contiguous(array: Any) -> Any:
    import numpy as np

    return np.ascontiguousarray(array)


def _spell(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))
