"""How many steps there will be, how often is looked and kept, and how long it all takes: settled at the start."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aigc_core.training.estimate import Estimate, Pace, Work, warm_up

if TYPE_CHECKING:
    from aigc_core.content import JSON
    from aigc_core.training.loop import Training
    from aigc_core.training.loop.checkpoint import Checkpoints
    from aigc_core.training.watching.watch import Watch

#: Sheets of samples that a training leaves behind, about.
SHEETS = 40

#: Seconds between two checkpoints, about: what a crash may cost.
BETWEEN_CHECKPOINTS = 60.0

#: Shares of the time that looking and keeping may take; with slow samples or disks there is less of them.
MOST_OF_THE_TIME = 0.05

#: The end draws and measures about so many times as many samples as a sheet has.
SAMPLES_AT_THE_END = 30


@dataclass(frozen=True, slots=True)
class Pacing:
    """What was settled.

    Attributes:
        steps: in all.
        sheet: steps between two sheets of samples.
        checkpoint: steps between two checkpoints.
        estimate: of the time it takes.
    """

    steps: int
    sheet: int
    checkpoint: int
    estimate: Estimate

    @property
    def seconds(self) -> float:
        """How long the whole training takes, about."""
        return self.estimate.seconds(self.steps)


def settle(
    training: Training, watch: Watch | None, checkpoints: Checkpoints, minutes: float | None, **facts: JSON
) -> Pacing:
    """Take some steps and whatever else there will be, time it, and take the steps back.

    The steps that are timed are taken back, because only then do the same number of steps give the same weights,
    whether it was given or came out of a number of minutes.

    Args:
        training: that has not begun, or was just restored.
        watch: draws the samples.
        checkpoints: keeps what the training is at now.
        minutes: time for all of it; None leaves the steps as the training's options say.
        facts: what the checkpoint that is written first holds besides the training.
    """
    clock = training.workers.clock
    started = clock()
    before = training.save()
    cycle = math.lcm(*(phase.every for phase in training.component.phases))
    most = training.options.steps if minutes is None else 100 * cycle
    pace = warm_up(training.step_alone, steps=most, cycle=cycle, clock=clock)
    training.restore(before)
    sheet = training.workers.agree(watch.draw_seconds() if watch else 0.0)
    end = SAMPLES_AT_THE_END * sheet + training.workers.agree(watch.fitting_seconds() if watch else 0.0)
    timed = clock()
    checkpoints.write(training.save(**facts))
    kept = clock() - timed
    pace = replace(pace, steps=0, seconds=0.0)
    row, steps = training.options.log_every, training.options.steps
    if minutes is not None:
        left = minutes - (clock() - started) / 60
        steps = max(1, int(left * 60 / pace.step))
        for _ in range(5):  # how often is looked depends on the steps, and they on what looking costs
            steps = max(1, _pacing(pace, sheet, kept, end, steps, row).estimate.steps_for(left))
    return _pacing(pace, sheet, kept, end, steps, row)


def _pacing(pace: Pace, sheet: float, kept: float, at_the_end: float, steps: int, row: int) -> Pacing:
    """Choose how often, in whole rows of the log."""
    sheets = _whole(max(steps / SHEETS, sheet / MOST_OF_THE_TIME / pace.step), row)
    checkpoints = _whole(max(BETWEEN_CHECKPOINTS, kept / MOST_OF_THE_TIME) / pace.step, row)
    work = (Work("samples", sheet, sheets), Work("checkpoints", kept, checkpoints), Work("the end", at_the_end))
    return Pacing(steps, sheets, checkpoints, Estimate(pace, work))


def _whole(steps: float, row: int) -> int:
    return max(1, round(steps / row)) * row
