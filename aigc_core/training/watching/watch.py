"""Looking at a training from beside: samples of a fixed seed on sheets, and its health."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from aigc_core.content import Action, Request
from aigc_core.data import TextData
from aigc_core.protocols import Generator
from aigc_core.training.contract import Alarm, Samples
from aigc_core.training.watching.health import Health
from aigc_core.training.watching.snapshots import FITTED_TO, Snapshots, looking_at, on
from aigc_core.training.watching.text_samples import TextSamples

if TYPE_CHECKING:
    from aigc_core.content import Content
    from aigc_core.pipeline import Pipeline
    from aigc_core.training.learnt import Real
    from aigc_core.training.loop import Training
    from aigc_core.training.plan import TrainPlan


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at a step.

    Attributes:
        alarms: new ones.
        measured: numbers about the samples, ``samples/name``.
        sheet: the samples, where they were drawn.
    """

    alarms: tuple[Alarm, ...]
    measured: Mapping[str, float]
    sheet: Path | None


class Watch:
    """Draws samples with the averaged weights in a component of its own, so that the training goes on untouched.

    Args:
        training: what is looked at.
        plan: whose component it is.
        pipeline: whose filters look at the samples before a person does.
        folder: of the run.
        real: what is learnt from, as it was read.
    """

    def __init__(self, training: Training, plan: TrainPlan, pipeline: Pipeline, folder: Path, real: Real) -> None:
        self._training = training
        self._real = real
        self._allowed = _Moderated(plan, pipeline, training.options.seed)
        self._sampler: Any = None
        self._samples = self._sampled(plan, pipeline, folder / "samples", real)
        self._signs = self._samples.signs() if self._samples else None
        self.begin(training.options.steps)

    def _sampled(self, plan: TrainPlan, pipeline: Pipeline, folder: Path, real: Real) -> Any:
        """Return what draws samples, or None where the component makes none."""
        training, conditions = self._training, getattr(plan.spec, "conditions", ())
        texts = isinstance(real, TextData) and isinstance(training.component, Generator)
        if not texts and not isinstance(training.component, Samples):
            return None
        self._sampler = _built_again(training, plan)
        options = pipeline.registry.resolve(plan.spec.options, plan.entry)() if plan.spec.options else None
        seed = training.options.seed
        if isinstance(real, TextData):
            labels = real.label_names if "label" in conditions else ()
            return TextSamples(
                self._sampler, real, seed=seed, folder=folder, options=options, labels=labels, allowed=self._allowed
            )
        return Snapshots(
            self._sampler,
            training.data,
            seed=seed,
            folder=folder,
            options=options,
            conditional="label" in conditions,
            allowed=self._allowed,
        )

    def begin(self, steps: int, seen: Mapping[str, Any] | None = None) -> None:
        """Look at a training of so many steps from now on, knowing what was `seen` before."""
        self.health = Health(self._training.component, self._signs, steps=steps)
        if seen:
            self.health.restore(seen)

    def draw_seconds(self) -> float:
        """Draw samples as they are now, and return how long it took; 0 where there are none to draw."""
        started = time.perf_counter()
        if self._samples:
            self.draw()
            return time.perf_counter() - started
        return 0.0

    def fitting_seconds(self) -> float:
        """Return how long it will take to fit what samples are drawn from, judged by a fit to some of the data."""
        if not getattr(self._sampler, "sampler_shapes", dict)():
            return 0.0
        data = self._training.data
        some = data.batch(np.arange(min(FITTED_TO, len(data))))
        started = time.perf_counter()
        with looking_at(self._sampler) as device:
            self._sampler.fit_sampler(iter([on(device, some)]), self._training.options.seed)
        return (time.perf_counter() - started) * len(data) / len(some.data)

    def look(self, logs: Mapping[str, float], *, sheet: bool) -> Look:
        """Look at the logs, and, if a `sheet` is wanted, at samples."""
        step = self._training.step
        samples = self.draw() if sheet and self._samples else None
        alarms = tuple(self.health.look(step, logs, samples))
        return Look(alarms, self.health.measured, None if samples is None else self._samples.path(step))

    def last(self, folder: Path) -> None:
        """Write the last samples beside what they are nearest to in the data, and reconstructions."""
        if self._samples:
            self.draw()
            told = self._training.data.described.vector and not isinstance(self._real, TextData)
            self._samples.last(folder, self._training.data if told else self._real)

    def draw(self) -> Any:
        """Draw the samples as they are now, and write their sheet."""
        for name, network in self._training.average.networks.items():
            self._sampler.networks[name].load_state_dict(network.state_dict())
        return self._samples.take(self._training.step)


def _built_again(training: Training, plan: TrainPlan) -> Any:
    with torch.random.fork_rng(devices=[]):
        again = plan.component(plan.config, training.data.described)
    for network in again.networks.values():
        training.workers.place(network)
    return again


class _Moderated:
    """Asks the filters about a sample, as about any artifact: a preview is no side door."""

    def __init__(self, plan: TrainPlan, pipeline: Pipeline, seed: int) -> None:
        self._moderator = pipeline.planner.moderator()
        self._request = Request(plan.spec.modality, seed)

    def __call__(self, content: Content) -> bool:
        verdict = self._moderator.check("artifact", [("content", self._request.modality, content)], self._request)
        return verdict.action is not Action.BLOCK
