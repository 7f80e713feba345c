"""Health alarms: what goes wrong in trainings, seen early, told once, with the numbers and what to try."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

from aigc_core.training.contract import Alarm, Watched
from aigc_core.training.watching.signs import NOT_FINITE

if TYPE_CHECKING:
    from aigc_core.content import JSON

#: Signs are looked for from this step on, or later in a long training: at the start, all samples are alike.
GRACE_STEPS = 500
GRACE_SHARE = 0.1
#: From this step on, a sample of one colour is one; what a network makes before it learnt anything is near to that.
GRACE_BLANK = 200
#: A sign is believed at the second look in a row, and has passed at the second look without it.
LOOKS = 2

REMEMBERED = 20  # looks that a loss is held against
ENOUGH_LOOKS = 5
EXPLODED = 10.0


@dataclass(slots=True)
class _Case:
    """One illness: looks in a row with or without a sign of it, and whether it was told."""

    ill: int = 0
    well: int = 0
    told: bool = False


class SampleSigns(Protocol):
    """What samples of one modality are held against, and what they show."""

    def measure(self, samples: Any) -> Mapping[str, float]:
        """Return numbers about samples, ``samples/…``, or none for too few."""

    def broken(self, samples: Any) -> Iterator[Alarm]:
        """Yield what no sample should be."""

    def alike(self, measured: Mapping[str, float], best: Mapping[str, float]) -> Iterator[Alarm]:
        """Yield what the numbers show, now and at their best."""


class Health:
    """Looks at a training now and then, and says what looks wrong.

    Everything it remembers is in ``state()``, so that a training that is resumed is told the same.

    Args:
        component: what is trained; its own ``alarms`` are asked where it is `Watched`.
        signs: what the fixed-seed samples are held against, or None where none are made.
        steps: that the training will take.
    """

    def __init__(self, component: object, signs: SampleSigns | None, *, steps: int) -> None:
        self._component = component
        self._signs = signs
        self._grace = max(GRACE_STEPS, GRACE_SHARE * steps)
        self._cases: dict[str, _Case] = {}
        self._told: dict[str, Alarm] = {}
        self._losses: dict[str, list[float]] = {}
        self._best: dict[str, float] = {}
        self._from_samples: set[str] = set()
        #: Numbers about the samples of the last look, for the log: ``samples/…``.
        self.measured: Mapping[str, float] = {}

    @property
    def current(self) -> tuple[Alarm, ...]:
        """What was told and has not passed."""
        return tuple(self._told.values())

    def look(self, step: int, logs: Mapping[str, float], samples: Any = None) -> list[Alarm]:
        """Return the alarms that are new.

        Args:
            step: steps done.
            logs: the means of the logs since the last look, ``phase/name``.
            samples: the fixed-seed samples, as the signs take them, or None when none were made.
        """
        at_once = list(_not_finite(logs))  # beyond doubt, at the first look and at the start, too
        signs = list(self._exploded(logs))
        if isinstance(self._component, Watched):
            signs += self._component.alarms(logs)
        judged = {alarm.name for alarm in signs} | (self._cases.keys() - self._from_samples)
        self.measured = {}
        if samples is not None and self._signs is not None:
            self.measured = self._signs.measure(samples)
            broken = [alarm for alarm in self._signs.broken(samples) if step >= GRACE_BLANK or alarm.name == NOT_FINITE]
            alike = [] if broken else list(self._signs.alike(self.measured, self._best))
            self._best |= {key: max(value, self._best.get(key, value)) for key, value in self.measured.items()}
            self._from_samples |= {alarm.name for alarm in (*broken, *alike)}
            judged |= self._from_samples
            at_once += broken
            signs += alike
        if step < self._grace:
            signs = []
        told = self._judge(at_once, {alarm.name for alarm in at_once}, patience=1)
        rest = judged - {alarm.name for alarm in at_once}
        return told + self._judge(signs, rest, patience=LOOKS)

    def _judge(self, signs: Sequence[Alarm], names: set[str], patience: int) -> list[Alarm]:
        """Count what is seen and what is not among `names`, and return what is now to be told."""
        seen = {alarm.name: alarm for alarm in signs}
        new = []
        for name in sorted(names):
            case = self._cases.setdefault(name, _Case())
            if name not in seen:
                case.ill, case.well = 0, case.well + 1
                if case.well >= LOOKS:
                    case.told = False
                    self._told.pop(name, None)
                continue
            case.ill, case.well = case.ill + 1, 0
            if case.ill >= patience and not case.told:
                case.told = True
                self._told[name] = seen[name]
                new.append(seen[name])
        return new

    def _exploded(self, logs: Mapping[str, float]) -> Iterator[Alarm]:
        """Hold each loss against its last looks: far off means further than ten times its size and its spread."""
        for key, value in logs.items():
            if not key.endswith("/loss") or not math.isfinite(value):
                continue
            before = self._losses.setdefault(key, [])
            if len(before) >= ENOUGH_LOOKS:
                usual = median(before)
                scale = max(abs(usual), max(before) - min(before), 0.1)
                if abs(value - usual) > EXPLODED * scale:
                    yield Alarm(
                        "loss explosion",
                        f"{key} went from about {usual:.4g} to {value:.4g}",
                        "lower the learning rate (lr), clip gradients (clip), or add a warmup",
                    )
                    continue  # what has exploded is not what the next looks are held against
            before.append(value)
            del before[:-REMEMBERED]

    def state(self) -> dict[str, JSON]:
        """Return all that is remembered, as JSON."""
        return {
            "cases": {name: asdict(case) for name, case in self._cases.items()},
            "told": {name: [alarm.message, alarm.advice] for name, alarm in self._told.items()},
            "losses": {key: list(values) for key, values in self._losses.items()},
            "best": dict(self._best),
            "from_samples": sorted(self._from_samples),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        self._cases = {name: _Case(**case) for name, case in state["cases"].items()}
        self._told = {name: Alarm(name, *words) for name, words in state["told"].items()}
        self._losses = {key: list(values) for key, values in state["losses"].items()}
        self._best = dict(state["best"])
        self._from_samples = set(state["from_samples"])


def _not_finite(logs: Mapping[str, float]) -> Iterator[Alarm]:
    """Say which logs are not finite. Of a loss, the loop itself says so first, and ends the training."""
    if broken := [key for key, value in logs.items() if not math.isfinite(value)]:
        yield Alarm(
            "not finite",
            f"{', '.join(sorted(broken))}: not a finite number",
            "lower the learning rate (lr), clip gradients (clip), or train in float32 (precision)",
        )
