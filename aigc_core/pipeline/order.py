"""What a caller asks a run for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aigc_core.content import JSON, Content, empty
from aigc_core.errors import UsageError
from aigc_core.pipeline.options import Given
from aigc_core.randomness import Between, item_seed

#: The input that a model makes something else of: a text of a picture, a picture of another one or of a text.
INPUT = "input"
#: The input that a model makes variations of: it has to encode it. And the one that it goes to from there.
LIKE = "like"
TOWARDS = "towards"

MOST_ITEMS = 1_000_000
MOST_CANDIDATES = 10_000
MOST_FRAMES = 1_000  # they are shown in one film


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller asks a run for, all by name.

    Attributes:
        modality: ``"image"``, ``"text"``, …
        n: number of items.
        seed: of item 0; item *i* has ``seed + i``.
        interpolate: two seeds to go from and to, in `frames` items, which stand instead of `n` and `seed`. Or two
            pieces of content: they are the inputs ``like`` and ``towards`` of every item, and all have one seed.
        frames: how many items the way has, both ends among them.
        prompt: for every item, or None.
        inputs: named pieces of content to work from.
        model: model name or folder, or a generator that needs no weights; None takes the default.
        options: of the generator.
        pre, post: steps in order, e.g. ``"resize size=128"``; they come after the configured ones.
        candidates: how many to make for each item.
        select: the selector that keeps one of them, e.g. ``"hello/most-colourful"``.
    """

    modality: str
    n: int = 1
    seed: int = 0
    interpolate: tuple[int, int] | tuple[Content, Content] | None = None
    frames: int = 16
    prompt: str | None = None
    inputs: Mapping[str, Content] = field(default_factory=empty)
    model: str | None = None
    options: Mapping[str, JSON] = field(default_factory=empty)
    pre: Sequence[Given] = ()
    post: Sequence[Given] = ()
    candidates: int = 1
    select: Given | None = None

    @property
    def total(self) -> int:
        """How many items are asked for."""
        return self.frames if self.interpolate else self.n

    @property
    def ends(self) -> tuple[int, int] | None:
        """The two seeds of an interpolation between seeds."""
        match self.interpolate:
            case (int() as a, int() as b):
                return a, b
        return None

    @property
    def everything(self) -> Mapping[str, Content]:
        """All to work from: the inputs, and both ends of an interpolation between pieces of content."""
        like, towards = self.interpolate or (0, 0)
        if isinstance(like, int) or isinstance(towards, int):
            return self.inputs
        return {**self.inputs, LIKE: like, TOWARDS: towards}

    @property
    def first_seed(self) -> int:
        """The seed of item 0."""
        return self.ends[0] if self.ends else self.seed

    def source(self, index: int) -> int | Between:
        """Return what the noise of item `index` comes from: its seed, or a place between two."""
        if self.ends:
            return Between(*self.ends, self._place(index))
        return self.seed if self.interpolate else item_seed(self.seed, index)

    def between(self, index: int) -> float | None:
        """Return the place of item `index` between two pieces of content, or None."""
        return self._place(index) if self.interpolate and not self.ends else None

    def _place(self, index: int) -> float:
        return index / (self.frames - 1)

    def check(self) -> None:
        """Raise UsageError where the numbers are out of range or do not go together."""
        if self.interpolate is None:
            self._check_counts()
        else:
            self._check_interpolation(*self.interpolate)
        if not 1 <= self.candidates <= MOST_CANDIDATES:
            raise UsageError(f"{self.candidates} candidates are too few or too many", hint=f"1 to {MOST_CANDIDATES:,}")

    def _check_counts(self) -> None:
        if not 1 <= self.n <= MOST_ITEMS:
            more = f", then go on with --seed {self.seed + MOST_ITEMS}" if self.n > 0 else ""
            raise UsageError(f"{self.n} items cannot be made in one run", hint=f"ask for 1 to {MOST_ITEMS:,}{more}")
        item_seed(self.seed, 0), item_seed(self.seed, self.n - 1)

    def _check_interpolation(self, a: int | Content, b: int | Content) -> None:
        if isinstance(a, int) != isinstance(b, int):
            raise UsageError(
                "an interpolation goes between two seeds or two pieces of content", hint="not from one to the other"
            )
        for seed in self.ends or (self.seed,):
            item_seed(seed, 0)
        if a == b:
            ends = f"seed {a} to seed {b}" if self.ends else "a piece of content to itself"
            raise UsageError(f"from {ends} there is no way to go", hint="give two different ones")
        if not self.ends and (twice := [name for name in (LIKE, TOWARDS) if name in self.inputs]):
            raise UsageError(f"an interpolation has its own input {twice[0]!r}", hint="leave the other one out")
        if not 2 <= self.frames <= MOST_FRAMES:
            raise UsageError(
                f"{self.frames} frames cannot go from one end to another",
                hint=f"2 to {MOST_FRAMES:,}; both ends count",
            )
        if self.n != 1:
            raise UsageError("an interpolation has no number of items", hint="say how many frames: --frames 16")
        if self.candidates > 1 or self.select is not None:
            raise UsageError(
                "an interpolation has no candidates: each frame might keep another one", hint="leave them out"
            )
