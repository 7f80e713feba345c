"""A training from data to model folder, as one stream of events: look, estimate, learn, watch, keep, finish.

What it leaves on the way lies in the run folder; what it ends in is the model folder, whose ``aigc.json`` comes last.
Of several processes the first writes, watches and talks; the others take steps with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from aigc_core.content import EMPTY, JSON
from aigc_core.errors import AigcError
from aigc_core.events import (
    AlarmRaised,
    CheckpointWritten,
    DataSurveyed,
    SamplesTaken,
    TrainingEvent,
    TrainingFinished,
    TrainingLogged,
    TrainingStarted,
)
from aigc_core.pipeline import Pipeline
from aigc_core.pipeline.options import Given
from aigc_core.training.finetune import Base, start_from
from aigc_core.training.finish import Outcome, finish
from aigc_core.training.interruption import Interruption
from aigc_core.training.learnt import Learnt, learn_from
from aigc_core.training.loop import Training
from aigc_core.training.loop.checkpoint import Checkpoints
from aigc_core.training.pacing import Pacing, settle
from aigc_core.training.plan import TrainOrder, TrainPlan, TrainPlanner
from aigc_core.training.resume import RUN, describe, hold_against, plan_training, read_run, write_run, write_survey
from aigc_core.training.tracking import ALARMS, METRICS, TRACKERS, Lines, Tracker
from aigc_core.training.watching.watch import Look, Watch


class TrainingRun:
    """One training, and everything around it.

    Args:
        plan: what to train.
        pipeline: whose plugins watch, whose filters look at samples, and which makes pictures in the end.
    """

    def __init__(self, plan: TrainPlan, pipeline: Pipeline) -> None:
        self.plan = plan
        self.pipeline = pipeline
        self.folder = plan.run_folder
        self.stopped: str | None = None
        self._before = 0.0  # seconds that the training took until it was resumed
        self._since = time.perf_counter()

    def events(self) -> Generator[TrainingEvent, None, None]:
        """Train, yielding what happens.

        Raises:
            UsageError: the data cannot be learnt from, or is not that of the interrupted training.
            AigcError: the training broke down; the last checkpoint is usable.
            FileError: a file cannot be written; likewise.
            KeyboardInterrupt: after Ctrl-C, when a checkpoint has been written.
        """
        learnt = learn_from(self.plan)
        yield DataSurveyed(self.plan.name, learnt.lines, learnt.survey.warnings)
        with self._explaining_memory(), Interruption() as interruption:
            training = self._training(learnt)
            self._speaks = training.workers.index == 0
            self._checkpoints = Checkpoints(self.folder / "checkpoints", training.workers)
            self._watch = Watch(training, self.plan, self.pipeline, self.folder, learnt.real) if self._speaks else None
            run, pacing, notes = self._begin(training, learnt)
            yield self._started(training, pacing, notes)
            yield from self._learn(training, pacing, interruption)
            yield from self._finish(training, learnt, run)

    def _training(self, learnt: Learnt) -> Training:
        if self.plan.base is None or self.plan.base.adopted:  # the component itself starts from what was made elsewhere
            return Training(self.plan.component, self.plan.config, learnt.examples, self.plan.options)
        base = Base.of(self.plan.base, learnt, self.plan, self.pipeline)
        training = Training(self.plan.component, self.plan.config, base.data, self.plan.options)
        start_from(base, training, self.plan.order.freeze)
        return training

    def _begin(self, training: Training, learnt: Learnt) -> tuple[dict[str, Any], Pacing, list[str]]:
        """Restore the last checkpoint, or settle how long this will take; return ``run.json`` as it now is."""
        path = self.folder / RUN
        if self.plan.order.resume:
            run = read_run(path)
            notes = hold_against(run, self.plan, training, learnt)
            if (checkpoint := self._checkpoints.latest()) is not None:
                training.restore(checkpoint)
                facts: Any = checkpoint.facts
                self._before = facts["seconds"]
                if self._watch:
                    self._watch.begin(run["steps"], facts["health"])
            pacing = settle(training, self._watch, self._checkpoints, None, **self._facts)
            return run, replace(pacing, **run["looks"]), notes
        pacing = settle(training, self._watch, self._checkpoints, self.plan.minutes, **self._facts)
        training.options = training.options.model_copy(update={"steps": pacing.steps})
        if self._watch:
            self._watch.begin(pacing.steps)
        run = describe(self.plan, training, learnt, pacing)
        if self._speaks:
            write_run(path, run)
            write_survey(self.folder, learnt.survey)
        return run, pacing, []

    def _started(self, training: Training, pacing: Pacing, notes: list[str]) -> TrainingStarted:
        steps = training.options.steps
        left = pacing.seconds * (1 - training.step / steps)
        words = pacing.estimate.words(steps)
        seed = training.options.seed
        return TrainingStarted(
            self.plan.name, self.plan.order.component, training.step, steps, seed, words, left, tuple(notes)
        )

    def _learn(self, training: Training, pacing: Pacing, interruption: Interruption) -> Iterator[TrainingEvent]:
        """Take all steps that are left; after Ctrl-C, write a checkpoint and stop."""
        trackers, alarms = self._trackers(training.step)
        self._since = self._last = time.perf_counter()
        self._seen = training.step
        alone = training.workers.count == 1
        try:
            while training.step < training.options.steps and not self.stopped:
                # Several processes must stop after the same step: they ask each other at each row of the log.
                logs = self._advance(training, lambda: alone and interruption.wanted, alarms)
                if training.workers.any(interruption.wanted):
                    yield self._keep(training)
                    raise KeyboardInterrupt
                look = self._look(training, logs, pacing)
                yield self._log(training, {**logs, **look.measured}, trackers)
                yield from self._tell(training, look, alarms)
                if training.step % pacing.checkpoint == 0 or training.step == training.options.steps or self.stopped:
                    yield self._keep(training)
        finally:
            for tracker in trackers:
                tracker.close()

    def _advance(self, training: Training, stop: Callable[[], bool], alarms: Lines | None) -> Mapping[str, float]:
        """Take steps up to the next row; a training that breaks down says why in its log, too."""
        try:
            return training.advance(stop)
        except AigcError as error:
            if alarms:
                row = {"name": "not finite", "message": error.message, "advice": error.hint}
                alarms.log({"step": training.step, **row})
            raise

    def _trackers(self, step: int) -> tuple[list[Tracker], Lines | None]:
        if not self._speaks:
            return [], None
        names = self.plan.order.track
        return (
            [Lines(self.folder / METRICS, step), *(TRACKERS[name](self.folder, step) for name in names)],
            Lines(self.folder / ALARMS, step),
        )

    def _look(self, training: Training, logs: Mapping[str, float], pacing: Pacing) -> Look:
        if self._watch is None:
            return Look((), {}, None)
        last = training.step == training.options.steps
        return self._watch.look(logs, sheet=last or training.step % pacing.sheet == 0)

    @property
    def _seconds(self) -> float:
        return self._before + time.perf_counter() - self._since

    def _log(self, training: Training, logs: Mapping[str, float], trackers: list[Tracker]) -> TrainingLogged:
        options, now = training.options, time.perf_counter()
        pace = (training.step - self._seen) * options.batch / (now - self._last)
        self._seen, self._last = training.step, now
        name, component = self.plan.name, self.plan.order.component
        event = TrainingLogged(name, component, training.step, options.steps, logs, round(pace, 2))
        highest = max(options.lr_of(phase.name) for phase in training.component.phases)
        for tracker in trackers:
            tracker.log(
                {
                    "step": training.step,
                    "seconds": round(self._seconds, 3),
                    "examples_per_second": event.examples_per_second,
                    "lr": highest * options.lr_factor(training.step - 1),
                    "logs": logs,
                }
            )
        if self._speaks and self.pipeline.registry.watches("aigc_training_logged"):
            self.pipeline.registry.notify("aigc_training_logged", event)
        return event

    def _tell(self, training: Training, look: Look, alarms: Lines | None) -> Iterator[TrainingEvent]:
        """Tell of a new sheet and of new alarms; one that the plan stops at ends the training."""
        name, step = self.plan.name, training.step
        if look.sheet:
            yield SamplesTaken(name, step, look.sheet)
        for alarm in look.alarms:
            if alarms:
                alarms.log({"step": step, **asdict(alarm)})
            yield AlarmRaised(name, step, alarm.name, alarm.message, alarm.advice)
        ends = [alarm.name for alarm in look.alarms if alarm.name in self.plan.stop_at]
        if training.workers.any(bool(ends)):
            self.stopped = f"{ends[0] if ends else 'an alarm'} at step {step:,}"

    @property
    def _facts(self) -> dict[str, JSON]:
        """What a checkpoint holds besides the training; the first process's is read by all."""
        return {"seconds": round(self._seconds, 3), "health": self._watch.health.state() if self._watch else {}}

    def _keep(self, training: Training) -> CheckpointWritten:
        path = self._checkpoints.write(training.save(**self._facts))
        return CheckpointWritten(self.plan.name, training.step, path)

    def _finish(self, training: Training, learnt: Learnt, run: dict[str, Any]) -> Iterator[TrainingEvent]:
        seconds, tensors = self._seconds, training.finish()
        if self._watch is None:
            return
        outcome = Outcome(self.plan, learnt, training, tensors, seconds, self.stopped, run)
        command = finish(outcome, self._watch, self.pipeline)
        yield TrainingFinished(self.plan.name, self.plan.folder, training.step, self._seconds, command, self.stopped)

    @contextmanager
    def _explaining_memory(self) -> Iterator[None]:
        """Turn a lack of memory into an error that says what to do."""
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            # torch has a class of its own for a GPU that is full, and none for a CPU.
            if isinstance(error, RuntimeError) and "memory" not in str(error):
                raise
            raise AigcError(
                f"there is not enough memory for batches of {self.plan.options.batch}: {str(error).splitlines()[0]}",
                hint="start again with --set accumulate=4, which takes each batch in four parts; or free some memory "
                "and --resume from the last checkpoint",
            ) from error


def train_model(
    component: str,
    data: str | Path,
    *,
    name: str | None = None,
    preset: str | None = None,
    options: Mapping[str, JSON] = EMPTY,
    pre: Sequence[Given] = (),
    steps: int | None = None,
    minutes: float | None = None,
    seed: int | None = None,
    size: int | None = None,
    base: str | None = None,
    freeze: Sequence[str] = (),
    rehearse: float | None = None,
    licence: str | None = None,
    condition: str | None = None,
    track: Sequence[str] = (),
    resume: bool = False,
    pipeline: Pipeline | None = None,
    on_event: Callable[[TrainingEvent], None] | None = None,
) -> Path:
    """Train a model on the data at a path, as ``aigc train`` does, and return its folder.

    Args:
        component: what to train, e.g. ``"image/gan"``.
        data: a folder, archive, table or text file; see ``aigc_core.data.read`` and ``read_texts``.
        name, preset, options, pre, steps, minutes, seed, size, base, freeze, rehearse, licence, condition, track,
            resume: as in ``TrainOrder``.
        pipeline: plugins and configuration; default: as for a command started here.
        on_event: called with every event.

    Raises:
        UsageError: an unknown name, a wrong value, or data that cannot be learnt from.
        PluginError, ModelError, FileError: something it needs is missing or broken.
        AigcError: the training broke down; the last checkpoint is usable.
    """
    pipeline = pipeline or Pipeline()
    order = TrainOrder(
        component=component,
        data=data,
        name=name,
        preset=preset,
        options=options,
        pre=tuple(pre),
        steps=steps,
        minutes=minutes,
        seed=seed,
        size=size,
        base=base,
        freeze=tuple(freeze),
        rehearse=rehearse,
        licence=licence,
        condition=condition,
        track=tuple(track),
        resume=resume,
    )
    plan = plan_training(order, TrainPlanner(pipeline.registry, pipeline.settings.config))
    with closing(TrainingRun(plan, pipeline).events()) as events:
        for event in events:
            if on_event:
                on_event(event)
    return plan.folder
