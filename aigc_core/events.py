"""The typed events of a run. The progress bar, a Python callback and the ledger all read this one stream."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aigc_core.content import Artifact, Blocked, Content, Failed


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The plan stands and work begins.

    Attributes:
        run: the run's id in the ledger.
        modality: of what is made.
        model: the model or generator in use.
        seed: of item 0.
        total: number of items asked for.
    """

    run: str
    modality: str
    model: str
    seed: int
    total: int


@dataclass(frozen=True, slots=True)
class PreviewMade:
    """An item in the making, after moderation."""

    run: str
    index: int
    content: Content


@dataclass(frozen=True, slots=True)
class StepSkipped:
    """A step failed for one item and was left out, because the configuration says ``on_error = "skip"``."""

    run: str
    index: int
    step: str
    error: str


@dataclass(frozen=True, slots=True)
class ArtifactCreated:
    """An item is finished; `path` is set where it was stored."""

    run: str
    artifact: Artifact
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class ArtifactBlocked:
    """An item was not allowed."""

    run: str
    blocked: Blocked


@dataclass(frozen=True, slots=True)
class ItemFailed:
    """An item could not be made; the run goes on."""

    run: str
    failed: Failed


@dataclass(frozen=True, slots=True)
class RunFinished:
    """All items are done, one way or another."""

    run: str
    created: int
    blocked: int
    failed: int


@dataclass(frozen=True, slots=True)
class RunFailed:
    """The run stopped early: by an error, or by the user (``interrupted``)."""

    run: str
    error: str
    interrupted: bool
    created: int


Event = (
    RunStarted | PreviewMade | StepSkipped | ArtifactCreated | ArtifactBlocked | ItemFailed | RunFinished | RunFailed
)
