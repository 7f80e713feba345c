"""Arrays of pictures in an ``.npz`` file of NumPy."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_core.data.memory import available_memory
from aigc_core.data.records import Modality, Record, Skipped
from aigc_core.data.splits import SPLITS, TRAIN, split_named
from aigc_core.errors import FileError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PICTURES = ("pixels", "images", "pictures", "image", "x", "data", "arr_0")
_LABELS = ("labels", "label", "y", "targets", "target", "arr_1")
_SHAPES = "uint8, or floats from 0 to 1, of shape (N, H, W), (N, H, W, C) or (N, C, H, W)"


class Arrays:
    """Pictures and labels in arrays: ``pixels`` and ``labels``, or ``x_train``, ``y_train``, ``test_images``, ….

    Nothing is ever unpickled.

    Raises:
        FileError: it is damaged, or its arrays need more memory than there is.
        UsageError: there are no arrays of pictures in it, they hold pickled objects, or shapes do not fit.
    """

    kind = "NumPy arrays"
    modality: Modality = "image"

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                sizes = {member.filename.removesuffix(".npy"): member.file_size for member in archive.infolist()}
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise FileError(f"{path} is no readable .npz file: {error}") from error
        self._parts = _parts(sizes)
        if not self._parts:
            raise UsageError(
                f"{path.name} has no array of pictures; it has {', '.join(sorted(sizes))[:200] or 'nothing'}",
                hint=f"name it pixels: {_SHAPES}",
            )
        needed = max(sizes[pictures] for pictures, _ in self._parts.values())
        if needed > available_memory():
            raise FileError(f"the arrays of {path} take {needed / 1024**2:,.0f} MiB, more memory than there is")
        parted = any(_rest(name) != name.lower() for name, _ in self._parts.values())
        self.splits = tuple(self._parts) if parted else ()
        self.label_names = self._names(sizes)
        self._count: int | None = None

    @property
    def count(self) -> int | None:
        return self._count

    def _names(self, sizes: Mapping[str, int]) -> tuple[str, ...]:
        if "label_names" not in sizes:
            return ()
        return tuple(str(name) for name in self._load("label_names").ravel())

    def records(self, splits: Collection[str] = ()) -> Iterator[Record | Skipped]:
        """Yield the pictures of `splits`, or all."""
        chosen = [split for split in self._parts if not splits or split in splits]
        for split in chosen:
            pictures, labels_name = self._parts[split]
            pixels = _as_bytes(self._load(pictures), self._path.name, pictures)
            labels = self._labels(labels_name, len(pixels)) if labels_name else None
            self._count = len(pixels) if len(chosen) == 1 else None
            for index, picture in enumerate(pixels):
                yield Record(
                    f"{split}/{index:09}" if self.splits else f"{index:09}",
                    picture,
                    label=None if labels is None else labels[index],
                    split=split if self.splits else None,
                )

    def _labels(self, name: str, count: int) -> list[str]:
        values = self._load(name)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        whole = values.dtype.kind in "iub" or (values.dtype.kind == "f" and bool((values == values.round()).all()))
        if values.shape != (count,) or not (whole or values.dtype.kind in "US"):
            raise UsageError(
                f"the array {name} of {self._path.name} is {values.dtype} of shape {values.shape}",
                hint=f"give whole numbers or names, one for each of the {count} pictures",
            )
        if whole:
            numbers = [int(value) for value in values]
            named = self.label_names
            if named and min(numbers) >= 0 and max(numbers) < len(named):
                return [named[number] for number in numbers]
            return [str(number) for number in numbers]
        return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]

    def _load(self, name: str) -> NDArray[Any]:
        try:
            with np.load(self._path, allow_pickle=False) as arrays:
                values = arrays[name]
        except ValueError as error:
            if "pickle" not in str(error).lower():
                raise FileError(f"the array {name} of {self._path} cannot be read: {error}") from error
            raise UsageError(
                f"the array {name} of {self._path.name} holds pickled objects, which are never opened",
                hint=f"save it as {_SHAPES}",
            ) from error
        except (OSError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
            raise FileError(f"the array {name} of {self._path} cannot be read: {error}") from error
        if not isinstance(values, np.ndarray):
            raise FileError(f"{name} in {self._path} is no array")
        return values


def _parts(names: Mapping[str, int]) -> dict[str, tuple[str, str | None]]:
    """Return split → the names of its pictures and labels; without splits in the names, all is training."""
    pictures: dict[str, str] = {}
    labels: dict[str, str] = {}
    for name in names:
        rest = _rest(name)
        split = next((found for word in name.lower().split("_") if (found := split_named(word))), TRAIN)
        for known, chosen in ((_PICTURES, pictures), (_LABELS, labels)):
            if rest in known and (split not in chosen or known.index(rest) < known.index(_rest(chosen[split]))):
                chosen[split] = name
    return {split: (pictures[split], labels.get(split)) for split in SPLITS if split in pictures}


def _rest(name: str) -> str:
    """Return the name without the split in it: ``"x"`` of ``"x_train"``."""
    lower = name.lower()
    return "_".join(word for word in lower.split("_") if not split_named(word))


def _as_bytes(values: NDArray[Any], file: str, name: str) -> NDArray[np.uint8]:
    """Return pictures as uint8 of shape ``(N, H, W)`` or ``(N, H, W, C)``."""
    if values.ndim == 2 and math.isqrt(values.shape[1]) ** 2 == values.shape[1] > 1:
        side = math.isqrt(values.shape[1])
        values = values.reshape(len(values), side, side)
    if values.ndim == 4 and values.shape[3] not in (1, 3, 4) and values.shape[1] in (1, 3, 4):
        values = values.transpose(0, 2, 3, 1)
    fits = values.ndim == 3 or (values.ndim == 4 and values.shape[3] in (1, 3, 4))
    if not fits or 0 in values.shape or values.dtype.kind not in "buif":
        raise UsageError(
            f"the array {name} of {file} is {values.dtype} of shape {values.shape}", hint=f"give {_SHAPES}"
        )
    if values.dtype == np.uint8:
        return values
    low, high = float(values.min()), float(values.max())
    top = 255 if values.dtype.kind in "iu" else 1
    if not (low >= 0 and high <= top):  # also where one is NaN
        raise UsageError(f"the values of {name} in {file} go from {low:g} to {high:g}", hint=f"give {_SHAPES}")
    if top == 255:
        return values.astype(np.uint8)
    return np.concatenate([(part * np.float32(255)).round().astype(np.uint8) for part in _chunks(values)])


def _chunks(values: NDArray[Any], size: int = 1024) -> Iterator[NDArray[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size].astype(np.float32)
