"""What a person sees of a training: lines on stderr, and a progress bar where stderr is a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from aigc_core.cli import terminal
from aigc_core.events import (
    AlarmRaised,
    DataSurveyed,
    TrainingEvent,
    TrainingFinished,
    TrainingLogged,
    TrainingStarted,
)

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

#: Without a terminal, a row of the log is a line; so many of them are printed, about.
LINES = 20


class Progress:
    """Tells the events of a training to a person.

    Args:
        shown: draw a progress bar; otherwise print a line now and then.
    """

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._bar: Bar | None = None
        self._printed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bar away, where it is."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def tell(self, event: TrainingEvent) -> None:
        """Say what happened."""
        if isinstance(event, DataSurveyed):
            for line in event.lines:
                terminal.say(line)
            for line in event.warnings:
                terminal.say(f"careful: {line}")
        elif isinstance(event, TrainingStarted):
            self._start(event)
        elif isinstance(event, TrainingLogged):
            self._log(event)
        elif isinstance(event, AlarmRaised):
            terminal.say(f"alarm at step {event.step:,}: {event.name}: {event.message}. Try: {event.advice}")
        elif isinstance(event, TrainingFinished):
            self.stop()
            self._finish(event)

    def _start(self, event: TrainingStarted) -> None:
        from aigc_core.training.estimate import TimeLeft

        for note in event.notes:
            terminal.say(note)
        at = f"resumed at step {event.step:,}; " if event.step else ""
        terminal.say(f"training {event.training} with seed {event.seed}: {at}{event.estimate}")
        if self._shown:
            self._left = TimeLeft(event.steps, event.seconds / max(1, event.steps - event.step))
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task("", total=event.steps, completed=event.step, logs="", pace="", left="")
            self._pass(event.step)

    def _log(self, event: TrainingLogged) -> None:
        if self._bar is not None:
            losses = {key: value for key, value in event.logs.items() if key.endswith("/loss")}
            logs = "  ".join(f"{key.removesuffix('/loss')} {value:.3f}" for key, value in losses.items())
            self._bar.update(self._task, completed=event.step, logs=logs, pace=f"{event.examples_per_second:,.0f}/s")
            self._pass(event.step)
            return
        part = event.step * LINES // event.steps
        if part > self._printed and not self._shown:
            self._printed = part
            logs = " ".join(f"{key} {value:.3f}" for key, value in event.logs.items())
            terminal.say(f"step {event.step:,}/{event.steps:,} {event.examples_per_second:,.0f} examples/s {logs}")

    def _pass(self, step: int) -> None:
        """Say how long the rest takes."""
        from aigc_core.training.estimate import duration

        left = self._left.update(step)
        if self._bar is not None and left is not None:
            self._bar.update(self._task, left=f"{duration(left)} left")

    def _finish(self, event: TrainingFinished) -> None:
        if event.stopped:
            terminal.say(f"stopped early: {event.stopped}")
        terminal.say(f"{event.training} is trained: {event.folder}")
        terminal.say(f"report: {event.folder / 'report.html'}")
        terminal.say(f"use it: {event.command}")


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[logs]}"),
        console=Console(stderr=True),
    )
