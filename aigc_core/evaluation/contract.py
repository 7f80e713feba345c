"""The contract of evaluation: what a metric is handed, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from aigc_core.content import JSON, empty
from aigc_core.protocols import Items

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aigc_core.randomness import Noise

#: Whose content is looked at: what the model made; real examples that it is held against; other real ones in its
#: place, which say what a number is between real and real; and those that the model learnt from.
Part = Literal["generated", "reference", "floor", "training"]
Better = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a number lies with 95 % confidence, and how that was found out."""

    low: float
    high: float
    method: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A number as a metric gives it; the core adds what it was measured on and with.

    Attributes:
        name: as in the literature, e.g. ``"FD"``; of a metric that needs features or probabilities the core adds
            what they are those of: ``FD(digits-cnn)``.
        value: finite.
        n: how many generated items went into it, or reference items where it is about those.
        interval: 95 %, or None.
        better: ``"lower"`` or ``"higher"``; None where neither is.
        floor: the same number between real and real, or None.
        floor_n: how many real items stood where generated ones do.
        details: whatever else is worth telling, as JSON.
    """

    name: str
    value: float
    n: int
    interval: Interval | None = None
    better: Better | None = None
    floor: float | None = None
    floor_n: int | None = None
    details: Mapping[str, JSON] = field(default_factory=empty)


@dataclass(frozen=True, slots=True)
class Judge:
    """Another model that a metric asks for its opinion.

    Attributes:
        name: e.g. ``"verses-rnn"``.
        sha256: of its ``aigc.json``.
        component: with its weights.
    """

    name: str
    sha256: str
    component: Any


class Evidence(Protocol):
    """What a metric may look at. Everything is made or read when it is first asked for, and kept."""

    @property
    def resamples(self) -> int:
        """How often a bootstrap resamples."""

    @property
    def component(self) -> Any:
        """The model's component with its weights."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the model can be conditioned by, in order, or none."""

    @property
    def space(self) -> str:
        """Name of the embedder, e.g. ``"digits-cnn"``."""

    def has(self, part: Part) -> bool:
        """Say whether there is any such content."""

    def items(self, part: Part) -> Items:
        """Return the content of a part."""

    def sources(self, part: Part) -> list[str] | None:
        """Return what each text of a part was made of, e.g. articles of summaries, or None."""

    def conditions(self, part: Part) -> NDArray[np.int64] | None:
        """Return the label of each item of a part, as an index of ``labels``, or None."""

    def features(self, part: Part) -> NDArray[np.float32]:
        """Return what the embedder makes of a part, ``(N, D)``."""

    def probabilities(self, part: Part) -> NDArray[np.float32]:
        """Return the probabilities that the embedder gives its own classes, ``(N, K)``."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The embedder's own classes, in order, or none."""

    def embed(self, items: Items) -> NDArray[np.float32]:
        """Return what the embedder makes of anything else that it looks at, such as prompts, ``(N, D)``."""

    def judge(self, model: str) -> Judge:
        """Return another model of this modality, by name or folder."""

    def noise(self, name: str) -> Noise:
        """Return a stream of random numbers that depends on the evaluation's seed and `name` alone."""


class PairEvidence(Protocol):
    """What a metric of a joint embedding may look at: pairs of a picture and a caption that belong together."""

    @property
    def pictures(self) -> NDArray[np.float32]:
        """Vectors of length 1 of the pictures, ``(P, D)``."""

    @property
    def captions(self) -> NDArray[np.float32]:
        """Vectors of length 1 of the captions, each once, ``(C, D)``."""

    @property
    def picture_of(self) -> NDArray[np.int64]:
        """The picture of each pair, ``(N,)``."""

    @property
    def caption_of(self) -> NDArray[np.int64]:
        """The caption of each pair, ``(N,)``."""

    @property
    def resamples(self) -> int:
        """How often a bootstrap resamples."""

    def noise(self, name: str) -> Noise:
        """Return a stream of random numbers that depends on the evaluation's seed and `name` alone."""
