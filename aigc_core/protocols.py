"""What a component must be able to do, and what the core hands it.

A component is a plain class. Nothing here is a base class that has to be inherited: a class that has the methods
fits. `docs/plugins.md` shows each of them in ten lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from aigc_core.content import JSON, Condition, Content, Finding, Request, Stage, empty
from aigc_core.errors import UsageError
from aigc_core.randomness import Noise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Item:
    """One item as a generator sees it.

    Attributes:
        prompt: the preprocessed prompt, or None.
        inputs: named pieces of content to work from, of those that the generator's spec names.
        condition: what steers this item.
        options: an instance of the generator's options class, validated; None where it has none.
        noise: the item's own stream ``generate/<candidate>``, which advances as it is used. Between two seeds
            (``--interpolate``) it draws what lies between theirs; see ``Noise.parts``.
        between: between two inputs, the place on the way: 0 at the input ``like``, 1 at ``towards``; else None.
        streamed: somebody reads along. The Partials of other items are dropped, and need not be made.
    """

    prompt: str | None
    inputs: Mapping[str, Content]
    condition: Condition
    options: Any
    noise: Noise
    between: float | None = None
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Partial:
    """A preview, or the text so far, of the item at `index` of the call.

    A text goes on from here: what comes later begins with it. So what may still be taken away, such as half a
    character or half a stop string, is not in it. It is shown as far as moderation has judged it.
    """

    index: int
    content: Content


@dataclass(frozen=True, slots=True)
class Final:
    """What was made for the item at `index` of the call.

    Attributes:
        index: position in the sequence given to ``generate``.
        content: the picture or text.
        scores: what the generator knows of it, e.g. ``{"log_likelihood": mean per token}``.
    """

    index: int
    content: Content
    scores: Mapping[str, float] = field(default_factory=empty)


@runtime_checkable
class Generator(Protocol):
    """Makes content. Needs neither weights nor torch."""

    def generate(self, items: Sequence[Item]) -> Iterator[Partial | Final]:
        """Yield one Final for each item, in any order, and any number of Partials before it.

        With a model, the core always calls with exactly the model's micro-batch of items, padding the last call
        with copies and dropping what they make; so a generator sees one shape only.
        """


@runtime_checkable
class Configurable(Protocol):
    """A generator that wants to know the options of a run before it is asked for anything: how it loads its weights."""

    def configure(self, options: Any) -> None:
        """Take the options, an instance of its options class; what items say comes after them."""


class LoadedModel(Protocol):
    """A model folder whose files have been verified, as a component's factory receives it."""

    @property
    def name(self) -> str:
        """Its name, e.g. ``"digits-gan"``."""

    @property
    def options(self) -> Mapping[str, JSON]:
        """What the component was built with, from ``aigc.json``."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example it was trained on: ``(C, H, W)`` for pictures, ``(T,)`` for texts."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it can be conditioned by, in order, or empty."""

    @property
    def vector(self) -> int:
        """The length of the vector that it is conditioned by; 0: none."""

    @property
    def files(self) -> Mapping[str, str]:
        """The sha256 of each file that decides what the model makes."""

    def read(self, file: str) -> bytes:
        """Return the content of one of its files, verified. Raises ModelError where it is not what it should be."""

    @property
    def precision(self) -> str:
        """The pinned floating-point type, e.g. ``"float32"``."""

    @property
    def folder(self) -> Path:
        """Where its files lie, for a library that reads them itself."""

    def tensors(self, precision: str | None = None) -> Mapping[str, Any]:
        """Return the weights as torch tensors on the CPU, in the pinned precision, or in that of the argument.

        What is worked out of weights before they are rounded wants them in ``"float32"``.
        """


#: Content of one modality, many pieces: pictures as uint8 ``(N, C, H, W)``, texts as a list of ``str``.
Items = Any


@runtime_checkable
class Embedder(Protocol):
    """Maps content into a vector space. One that works without a model also has ``fingerprint``, a text that
    changes whenever the vectors would."""

    def embed(self, items: Items) -> NDArray[np.float32]:
        """Return one vector an item, float32 ``(N, D)``; what it is must depend on that item alone."""


@runtime_checkable
class Classifies(Protocol):
    """An embedder that also names classes."""

    labels: tuple[str, ...]

    def probabilities(self, items: Items) -> NDArray[np.float32]:
        """Return the probability of each of ``labels``, float32 ``(N, K)``, rows that sum to 1."""


class OpenEmbedder(Protocol):
    """An embedder with its weights, as the core hands it to steps and selectors."""

    @property
    def space_id(self) -> str:
        """What changes whenever its vectors would; only vectors of one space are compared."""

    def vector(self, content: Content) -> NDArray[np.float32]:
        """Return the vector of one text or picture, float32 ``(D,)``.

        Raises:
            UsageError: it does not look at such content, or can make nothing of it.
        """

    def vectors(self, contents: Sequence[Content]) -> NDArray[np.float32]:
        """Return the vector of each of several texts or pictures, ``(N, D)``, which is faster. Raises as `vector`."""


def _no_embedder(name: str) -> OpenEmbedder:
    raise UsageError(f"there is no embedder {name!r}: no pipeline runs this step")


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step or selector may know and use besides the content.

    Attributes:
        request: the request of this item, frozen.
        options: an instance of the component's options class, validated; None where it has none.
        noise: this step's own stream.
        record: write what this step chose, as JSON values, into the recipe.
        embedder: open an embedder by name, e.g. ``"emoji-joint"``; each is loaded once.
    """

    request: Request
    options: Any
    noise: Noise
    record: Callable[[str, JSON], None]
    embedder: Callable[[str], OpenEmbedder] = _no_embedder


@dataclass(frozen=True, slots=True)
class FilterContext:
    """What a filter may know besides the content.

    Attributes:
        stage: ``"request"`` or ``"artifact"``.
        source: which part is looked at: ``"prompt"``, ``"inputs.<name>"``, ``"options.<name>"``,
            ``"post.<step>.<option>"`` or ``"content"``.
        request: the request of this item, frozen.
        options: an instance of the filter's options class, validated; None where it has none.
    """

    stage: Stage
    source: str
    request: Request
    options: Any


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of several things made for one item.

    Attributes:
        content: after postprocessing and moderation.
        scores: what the generator said of it.
    """

    content: Content
    scores: Mapping[str, float] = field(default_factory=dict)


Step = Callable[[Any, StepContext], Any]
Filter = Callable[[Any, FilterContext], "Sequence[Finding]"]
Selector = Callable[[Request, Sequence[Candidate], StepContext], int]
OptionsClass = type["BaseModel"]
