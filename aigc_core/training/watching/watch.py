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
from aigc_core.training.contract import Alarm, Samples
from aigc_core.training.watching.health import Health
from aigc_core.training.watching.snapshots import FITTED_TO, Snapshots, looking_at, neighbours, on, reconstructions

if TYPE_CHECKING:
    from PIL.Image import Image

    from aigc_core.pipeline import Pipeline
    from aigc_core.training.loop import Training
    from aigc_core.training.loop.data import Examples
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
    """

    def __init__(self, training: Training, plan: TrainPlan, pipeline: Pipeline, folder: Path) -> None:
        self._training = training
        self._allowed = _Moderated(plan, pipeline, training.options.seed)
        self._sampler: Any = None
        self._snapshots: Snapshots | None = None
        if isinstance(training.component, Samples):
            self._sampler = _built_again(training, plan)
            self._snapshots = Snapshots(
                self._sampler,
                training.data,
                seed=training.options.seed,
                folder=folder / "samples",
                options=pipeline.registry.resolve(plan.spec.options, plan.entry)() if plan.spec.options else None,
                conditional="label" in getattr(plan.spec, "conditions", ()),
                allowed=self._allowed,
            )
        self.begin(training.options.steps)

    def begin(self, steps: int, seen: Mapping[str, Any] | None = None) -> None:
        """Look at a training of so many steps from now on, knowing what was `seen` before."""
        training = self._training
        labels = self._snapshots.labels if self._snapshots else None
        seed = training.options.seed
        self.health = Health(training.component, training.data, steps=steps, seed=seed, labels=labels)
        if seen:
            self.health.restore(seen)

    def draw_seconds(self) -> float:
        """Draw samples as they are now, and return how long it took; 0 where there are none to draw."""
        started = time.perf_counter()
        if self._snapshots:
            self.draw()
            return time.perf_counter() - started
        return 0.0

    def fitting_seconds(self) -> float:
        """Return how long it will take to fit what samples are drawn from, judged by a fit to some of the data."""
        if not getattr(self._sampler, "sampler_shapes", dict)():
            return 0.0
        some = self._training.data.batch(np.arange(min(FITTED_TO, len(self._training.data))))
        started = time.perf_counter()
        with looking_at(self._sampler) as device:
            self._sampler.fit_sampler(iter([on(device, some)]), self._training.options.seed)
        return (time.perf_counter() - started) * len(self._training.data) / len(some.data)

    def look(self, logs: Mapping[str, float], *, sheet: bool) -> Look:
        """Look at the logs, and, if a `sheet` is wanted, at samples."""
        step = self._training.step
        snapshots = self._snapshots if sheet else None
        samples = self.draw() if snapshots else None
        alarms = tuple(self.health.look(step, logs, samples))
        return Look(alarms, self.health.measured, snapshots.path(step) if snapshots else None)

    def last_pictures(self, folder: Path, data: Examples) -> None:
        """Write samples beside the nearest of `data`, and what an autoencoder makes of some of it."""
        if self._snapshots:
            neighbours(self.draw(), data, folder / "neighbours.png", allowed=self._allowed)
            reconstructions(self._sampler, data, folder / "reconstructions.png", allowed=self._allowed)

    def draw(self) -> torch.Tensor:
        """Draw the samples as they are now, and write their sheet."""
        assert self._snapshots is not None
        for name, network in self._training.average.networks.items():
            self._sampler.networks[name].load_state_dict(network.state_dict())
        return self._snapshots.take(self._training.step)


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

    def __call__(self, picture: Image) -> bool:
        verdict = self._moderator.check("artifact", [("content", self._request.modality, picture)], self._request)
        return verdict.action is not Action.BLOCK
