"""The typed events of a run. The progress bar, a Python callback and the ledger all read this one stream."""

from __future__ import annotations

from collections.abc import Mapping
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


# The events of a training: `aigc_core.training.TrainingRun` yields them.


@dataclass(frozen=True, slots=True)
class DataSurveyed:
    """The data was read and looked at.

    Attributes:
        training: name of the model to be.
        lines: what was found, for people.
        warnings: what may go wrong with such data.
    """

    training: str
    lines: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainingStarted:
    """The steps begin.

    Attributes:
        training: name of the model to be.
        component: what is trained.
        step, steps: already done (more than 0 where it was resumed), and in all.
        seed: of the training.
        estimate: how long it will take, in words.
        seconds: the same, as a number; from now on.
        notes: what one should know: other versions than those it was started with.
    """

    training: str
    component: str
    step: int
    steps: int
    seed: int
    estimate: str
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainingLogged:
    """A row of a training's log was written.

    Attributes:
        training: name of the model to be.
        component: what is trained.
        step, steps: done, and in all.
        logs: means since the last row, ``phase/name``; of the samples, ``samples/name``.
        examples_per_second: examples seen in a second of wall time, since the last row.
    """

    training: str
    component: str
    step: int
    steps: int
    logs: Mapping[str, float]
    examples_per_second: float


@dataclass(frozen=True, slots=True)
class AlarmRaised:
    """Something looks wrong with a training; it goes on."""

    training: str
    step: int
    name: str
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class SamplesTaken:
    """Samples of a fixed seed were written on the way."""

    training: str
    step: int
    path: Path


@dataclass(frozen=True, slots=True)
class CheckpointWritten:
    """A training can be resumed from here."""

    training: str
    step: int
    path: Path


@dataclass(frozen=True, slots=True)
class TrainingFinished:
    """The model folder is whole.

    Attributes:
        training: name of the model.
        folder: of the model.
        steps: done.
        seconds: that the training took in all, resumed parts included.
        command: what to type to use it.
        stopped: why it ended before its last step, or None.
    """

    training: str
    folder: Path
    steps: int
    seconds: float
    command: str
    stopped: str | None = None


TrainingEvent = (
    DataSurveyed | TrainingStarted | TrainingLogged | AlarmRaised | SamplesTaken | CheckpointWritten | TrainingFinished
)
