"""Parts of the data: those a source comes in, and those made by hash where it has none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from aigc_core.errors import UsageError

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)

_KNOWN_AS = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
}


def split_named(name: str) -> str | None:
    """Return the split that `name` stands for (``"val"``: ``"validation"``), or None."""
    return _KNOWN_AS.get(name.lower())


def split_of(key: str | bytes) -> str:
    """Return the split of all examples with `key`: a tenth each for test and validation, the rest for training.

    The key is a digest of the content, or the name of a group that must stay together. The same key always has the
    same split, however much other data there is.
    """
    data = key.encode("utf-8", "surrogateescape") if isinstance(key, str) else key
    tenth = int.from_bytes(hashlib.sha256(data).digest()) % 10
    return {0: TEST, 1: VALIDATION}.get(tenth, TRAIN)


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a source is taken.

    Attributes:
        name: of the part: a split, or ``"all"``.
        read: the source's own splits that it lies in; empty: all.
        own: all that the source has.
        cut: whether it is decided by hash which of them belong to it.
    """

    name: str
    read: tuple[str, ...]
    own: tuple[str, ...]
    cut: bool

    @classmethod
    def of(cls, own: Sequence[str], split: str | None, name: str) -> Part:
        """Find the part `split` of the source `name`, which has its `own` splits, or none.

        None is everything, and of a source with splits the one for training. What a source lacks is cut from its part
        for training, and that part is then without it; what a source has, stays as it is.

        Raises:
            UsageError: there is no such split, or it is not there and cannot be cut from anything.
        """
        own = tuple(own)
        if split not in (None, "all", *SPLITS):
            raise UsageError(f"there is no split {split!r}", hint=f"it is {', '.join(SPLITS)} or all")
        if split == "all" or (split is None and not own):
            return cls("all", (), own, cut=False)
        chosen = split or (own[0] if len(own) == 1 else TRAIN)
        if not cls.possible(own, chosen):
            raise UsageError(f"{name} has no part {chosen}", hint=f"it has {' and '.join(own)}; say which")
        if not own:
            return cls(chosen, (), own, cut=True)
        lacking = chosen not in own or (chosen == TRAIN and len(own) < len(SPLITS))
        return cls(chosen, (chosen if chosen in own else TRAIN,), own, cut=split is not None and lacking)

    @staticmethod
    def possible(own: Sequence[str], split: str) -> bool:
        """Say whether `split` is there, or can be cut from something."""
        return not own or split in own or TRAIN in own

    def takes(self, key: str | bytes) -> bool:
        """Say whether an example with this digest or group belongs to the part."""
        if not self.cut:
            return True
        assigned = split_of(key)
        return (TRAIN if assigned in self.own else assigned) == self.name
