"""How long a training will take, from steps that were timed; and how many steps a number of minutes is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, quantiles

from aigc_core.errors import UsageError

Clock = Callable[[], float]

#: The first steps are slow: memory is touched for the first time, kernels are chosen, networks compiled.
DISCARDED = 3
#: So long is measured at least, so that the machine's other work shows in the spread.
SECONDS = 5.0
#: So many blocks are measured at least, unless they take ten times as long as that.
LEAST = 4
#: Share of the blocks, the slowest ones, that are taken for strays.
STRAY = 0.05


@dataclass(frozen=True, slots=True)
class Pace:
    """What a warm-up told.

    Attributes:
        step: seconds a step, the mean of the blocks measured without the slowest twentieth.
        low, high: quartiles of the blocks, `step` between them.
        steps: steps taken, those that were not measured included.
        seconds: that all of them took.
    """

    step: float
    low: float
    high: float
    steps: int
    seconds: float

    @property
    def steps_per_second(self) -> float:
        """Steps in a second."""
        return 1 / self.step


def warm_up(
    take_step: Callable[[], object],
    *,
    steps: int,
    cycle: int = 1,
    seconds: float = SECONDS,
    clock: Clock = time.perf_counter,
) -> Pace:
    """Take and time the first steps of a training.

    Args:
        take_step: takes one, and returns when it is done; it must wait for an accelerator.
        steps: that the training has at most; no more are taken.
        cycle: steps after which all phases have had their turns (the least common multiple of their ``every``);
            they are timed together, because one of them may cost as much as the others.
        seconds: to measure, the steps that are not measured left out.
        clock: seconds, rising.

    Raises:
        UsageError: there is no step to take.
    """
    if steps < 1:
        raise UsageError(f"a training of {steps} steps cannot be timed", hint="give one step or more")
    started = clock()
    taken = 0
    # Whole cycles are left out, so that a phase with a seldom turn has been compiled, too.
    unmeasured = min(math.ceil(DISCARDED / cycle) * cycle, steps - 1)
    for _ in range(unmeasured):
        take_step()
        taken += 1
    blocks: list[float] = []
    measured_from = before = clock()
    while taken < steps and before - measured_from < (10 * seconds if len(blocks) < LEAST else seconds):
        size = min(cycle, steps - taken)
        for _ in range(size):
            take_step()
        taken += size
        now = clock()
        blocks.append((now - before) / size)
        before = now
    # A mean, because what is slow now and then takes its time; but not what happened in one block of twenty.
    kept = sorted(blocks)[: math.ceil(len(blocks) * (1 - STRAY))]
    step = max(fmean(kept), 1e-9)  # a clock that is coarser than a step must not make it free
    low, _, high = quantiles(blocks, n=4, method="inclusive") if len(blocks) > 1 else blocks * 3
    return Pace(step, min(low, step), max(high, step), taken, before - started)


@dataclass(frozen=True, slots=True)
class Work:
    """What is done besides steps.

    Attributes:
        name: e.g. ``"samples"``.
        seconds: that it takes each time, measured.
        every: it is done each so many steps, or, with 0, once at the end.
    """

    name: str
    seconds: float
    every: int = 0

    def total(self, steps: int) -> float:
        """Return the seconds it takes in a training of `steps`."""
        return self.seconds * (steps // self.every if self.every else 1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long trainings of any length take, at the pace measured.

    Attributes:
        pace: of the steps.
        work: what is done besides.
    """

    pace: Pace
    work: tuple[Work, ...] = field(default=())

    def seconds(self, steps: int) -> float:
        """Return how long a training of `steps` takes, from its first step on."""
        return self._at(self.pace.step, steps)

    def between(self, steps: int) -> tuple[float, float]:
        """Return the same for the quartiles of the pace."""
        return self._at(self.pace.low, steps), self._at(self.pace.high, steps)

    def _at(self, step: float, steps: int) -> float:
        rest = max(0, steps - self.pace.steps)
        return self.pace.seconds + rest * step + sum(work.total(steps) for work in self.work)

    def steps_for(self, minutes: float) -> int:
        """Return how many steps fit into `minutes`, all that is done besides included; at least those taken."""
        low, high = self.pace.steps, self.pace.steps + max(0, math.floor(minutes * 60 / self.pace.step))
        while low < high:  # the time rises with the steps: halve until it is found
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.seconds(middle) <= minutes * 60 else (low, middle - 1)
        return low

    def words(self, steps: int) -> str:
        """Say it: ``about 12 min (11 min to 14 min) for 8,000 steps, 11.2 steps a second``."""
        low, high = (duration(seconds) for seconds in self.between(steps))
        between = f" ({low} to {high})" if low != high else ""
        pace = self.pace.steps_per_second
        speed = f"{pace:.3g} steps a second" if pace >= 1 else f"{1 / pace:.3g} seconds a step"
        return f"about {duration(self.seconds(steps))}{between} for {steps:,} steps, {speed}"

    def as_json(self, steps: int) -> Mapping[str, float]:
        """Return what the report holds against reality."""
        low, high = self.between(steps)
        return {
            "seconds": round(self.seconds(steps), 1),
            "low": round(low, 1),
            "high": round(high, 1),
            "steps_per_second": round(self.pace.steps_per_second, 4),
            "measured_steps": self.pace.steps,
        }


class TimeLeft:
    """Tells how long the rest takes, from the pace of the last while: pauses for samples and slow spells included.

    Args:
        steps: in all.
        step: seconds a step so far, from the warm-up; None where there was none.
        half_life: in seconds; what is longer ago than that counts less than half.
        clock: seconds, rising.
    """

    def __init__(
        self, steps: int, step: float | None = None, *, half_life: float = 60.0, clock: Clock = time.monotonic
    ) -> None:
        self._steps = steps
        self._step = step
        self._half_life = half_life
        self._clock = clock
        self._last: tuple[float, int] | None = None

    def update(self, step: int) -> float | None:
        """Take in that `step` steps are done, and return the seconds left, or None while nothing is known."""
        now = self._clock()
        if self._last is not None and step > self._last[1]:
            passed, taken = now - self._last[0], step - self._last[1]
            kept = 0.0 if self._step is None else 0.5 ** (passed / self._half_life)
            self._step = kept * (self._step or 0.0) + (1 - kept) * passed / taken
        if self._last is None or step > self._last[1]:
            self._last = (now, step)
        return None if self._step is None else self._step * max(0, self._steps - step)


def duration(seconds: float) -> str:
    """Say how long something takes, as exactly as a person wants it: ``40 s``, ``2.5 min``, ``3 h 20 min``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 600:
        return f"{seconds / 60:.1f}".removesuffix(".0") + " min"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
