"""The ground floor: what is asked for, what is made, and what moderation says of it. Imports nothing of ours.

Content itself is plain: a picture is a ``PIL.Image.Image``, a text is a ``str``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image

    Content = Image | str
else:
    Content = Any  # naming a picture's class costs no import of Pillow

JSON = Any  # what json.dumps takes
Stage = str  # "request", "artifact", later "training"

EMPTY: Mapping[str, Any] = MappingProxyType({})


def empty() -> Mapping[str, Any]:
    """Return the empty read-only mapping, as a dataclass wants it."""
    return EMPTY


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for, for one item.

    Attributes:
        modality: ``"image"``, ``"text"``, …
        seed: of this very item, not of the run.
        prompt: what the user wrote, or None.
        inputs: named pieces of content to work from.
        options: what ``--set`` gave, not yet validated.
    """

    modality: str
    seed: int
    prompt: str | None = None
    inputs: Mapping[str, Content] = field(default_factory=empty)
    options: Mapping[str, JSON] = field(default_factory=empty)

    def own_copy(self) -> Request:
        """Return the request with copies of its pictures, for one who may paint over them."""
        return replace(self, inputs=own_inputs(self.inputs)) if self.inputs else self


def modality_of(content: Content) -> str:
    """Return the modality of a piece of content."""
    return "text" if isinstance(content, str) else "image"


def own(content: Any) -> Any:
    """Return a piece of content that belongs to whoever gets it: pictures are copied, text cannot change."""
    return content if isinstance(content, str) else content.copy()


class OwnInputs(Mapping[str, Content]):
    """Read-only inputs that give a copy each time they are looked at, and none where nobody looks.

    One of them serves all items that are made from the same pieces; so those are known by ``is``.
    """

    __slots__ = ("_inputs",)

    def __init__(self, inputs: Mapping[str, Content]) -> None:
        self._inputs = dict(inputs)

    def __getitem__(self, name: str) -> Content:
        content: Content = own(self._inputs[name])
        return content

    def __iter__(self) -> Iterator[str]:
        return iter(self._inputs)

    def __len__(self) -> int:
        return len(self._inputs)


def own_inputs(inputs: Mapping[str, Content]) -> Mapping[str, Content]:
    """Return read-only inputs that belong to whoever gets them."""
    return inputs if isinstance(inputs, OwnInputs) else OwnInputs(inputs)


@dataclass(frozen=True, slots=True)
class Condition:
    """What steers a generator for one item.

    Attributes:
        kind: ``"none"``, ``"label"``, ``"vector"``, ``"prefix"`` or ``"source"``.
        value: the label as a string, the vector, the text; None for ``"none"``.
        index: the position of a label among the model's labels.
        drawn: the label was not given, but drawn from the item's own stream.
        record: what stands for the value in a recipe, where that is a vector: where it comes from.
    """

    kind: str = "none"
    value: Any = None
    index: int | None = None
    drawn: bool = False
    record: JSON = None


class Action(IntEnum):
    """What is done with content, from mildest to strictest; the strictest wins."""

    ALLOW = 0
    FLAG = 1
    REDACT = 2
    BLOCK = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a filter found. A filter finds; it never decides.

    Attributes:
        category: a short name such as ``"wordlist"`` or ``"violence"``.
        score: 0 (surely not) to 1 (surely).
        reason: one line for the person who reads the verdict.
        span: half-open character range ``(start, end)`` of a text.
        region: ``(left, top, right, bottom)`` in pixels of a picture.
        replacement: text to put in place of ``span``, should a policy redact.
    """

    category: str
    score: float
    reason: str
    span: tuple[int, int] | None = None
    region: tuple[int, int, int, int] | None = None
    replacement: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding together with the filter that found it and the stage it was found at."""

    filter: str
    stage: Stage
    finding: Finding


@dataclass(frozen=True, slots=True)
class Verdict:
    """What moderation decided about one piece of content, and why.

    Attributes:
        action: the strictest action that any finding asked for.
        findings: all findings, in the order of the filters.
        cause: the filter that caused the action, or None when all is allowed.
        failed: the cause is a filter that raised, hung or returned rubbish (moderation fails closed).
    """

    action: Action = Action.ALLOW
    findings: tuple[Judged, ...] = ()
    cause: str | None = None
    failed: bool = False

    def joined(self, later: Verdict) -> Verdict:
        """Return the verdict of two stages together: all findings, and the stricter action with its cause."""
        strictest = later if later.action > self.action else self
        return Verdict(strictest.action, (*self.findings, *later.findings), strictest.cause, strictest.failed)

    @property
    def reasons(self) -> tuple[str, ...]:
        """One line a finding: ``"filter: reason"``."""
        return tuple(f"{judged.filter}: {judged.finding.reason}" for judged in self.findings)


class Writer(Protocol):
    """How an artifact becomes a file; the pipeline supplies it, so the ground floor needs no floor above."""

    def __call__(self, artifact: Artifact, path: Path, metadata: str | None) -> Path: ...


@dataclass(frozen=True, slots=True)
class Artifact:
    """One piece of content together with the recipe that made it.

    Attributes:
        index: the item's place in its run.
        seed: the item's seed.
        content: the picture or text.
        recipe: all that is needed to make it again (canonical JSON types).
        recipe_id: sha256 of the canonical recipe, hex.
        digest: sha256 of decoded pixels or UTF-8 text, before labels, hex.
        scores: what the generator said of it, e.g. ``{"log_likelihood": -1.2}``.
        verdict: of moderation; never ``block``.
    """

    index: int
    seed: int
    content: Content
    recipe: Mapping[str, JSON]
    recipe_id: str
    digest: str
    scores: Mapping[str, float] = field(default_factory=empty)
    verdict: Verdict = field(default_factory=Verdict)
    writer: Writer | None = field(default=None, repr=False, compare=False)

    def save(self, path: str | Path, *, metadata: str | None = None) -> Path:
        """Write content, recipe and labels to `path`, whole or not at all, and return the path.

        Args:
            path: where to; the ending must fit the content (``.png``, ``.txt``).
            metadata: ``full``, ``params``, ``id`` or ``none``; default: as the run was configured.

        Raises:
            FileError: the folder is missing, the disk is full, or the ending does not fit.
        """
        if self.writer is None:
            raise TypeError("this artifact was not made by a pipeline and has no writer")
        return self.writer(self, Path(path), metadata)


@dataclass(frozen=True, slots=True)
class Blocked:
    """An item that moderation did not allow: a typed result with reasons, never a black picture."""

    index: int
    seed: int
    stage: Stage
    verdict: Verdict
    recipe: Mapping[str, JSON]

    @property
    def content(self) -> Content:
        """Raise BlockedError: there is no content."""
        from aigc_core.errors import BlockedError

        raise BlockedError(f"item {self.index} (seed {self.seed}) was blocked: {'; '.join(self.verdict.reasons)}")


@dataclass(frozen=True, slots=True)
class Failed:
    """An item that could not be made, with the error that says where."""

    index: int
    seed: int
    error: str

    @property
    def content(self) -> Content:
        """Raise ItemError: there is no content."""
        from aigc_core.errors import ItemError

        raise ItemError(f"item {self.index} (seed {self.seed}) failed: {self.error}")


Outcome = Artifact | Blocked | Failed
Listener = Callable[[Any], None]
