"""What a training learns from: the data as it was found, told to a person, and what is kept apart from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_core.data import Dataset, Survey, read, read_parts
from aigc_core.data.splits import TRAIN, VALIDATION
from aigc_core.training.loop.data import Pictures

if TYPE_CHECKING:
    from aigc_core.training.plan import TrainPlan

ALL = "all"

#: From so many pictures on, some are kept apart, so that there is something to hold the samples against. A smaller
#: set has too few for that, and needs them all.
ENOUGH_TO_KEEP_APART = 1000

#: Fewer cannot be learnt from in any sense.
LEAST = 2


@dataclass(frozen=True, slots=True)
class Learnt:
    """The data of a training.

    Attributes:
        name: of the file or folder, no path.
        pictures: what is learnt from.
        kept_apart: pictures of the same data that are not, or None.
        survey: what was found, of all of it.
    """

    name: str
    pictures: Pictures
    kept_apart: Pictures | None
    survey: Survey

    @property
    def lines(self) -> tuple[str, ...]:
        """What was found, for people."""
        apart = f"{len(self.kept_apart):,} kept apart to measure with" if self.kept_apart else ""
        return (
            *self.survey.lines(),
            f"learning from {len(self.pictures):,} pictures" + (f", {apart}" if apart else ""),
        )


def learn_from(plan: TrainPlan, on_progress: Callable[[int, int | None], None] | None = None) -> Learnt:
    """Read what `plan` learns from, and keep some of it apart where there is enough.

    Raises:
        FileError, UsageError: it cannot be read, or holds too few pictures; the message says why they were skipped.
    """
    channels = plan.base.shape[0] if plan.base and len(plan.base.shape) == 3 else None
    path, size = plan.order.data, plan.size
    found = read_parts(path, (ALL, TRAIN, VALIDATION), size=size, channels=channels, on_progress=on_progress)
    whole, train, apart = (found.get(split) for split in (ALL, TRAIN, VALIDATION))
    if whole is None or len(whole) < LEAST or train is None:
        whole = read(path, size=size, channels=channels, least=LEAST)  # says what is wrong with it
    if train and apart and apart.survey.size != train.survey.size:
        height, width = train.pixels.shape[2:]
        apart = read(path, size=(height, width), channels=train.pixels.shape[1], split=VALIDATION)
    if train is None or (len(whole) < ENOUGH_TO_KEEP_APART and (apart is None or apart.survey.split_by == "hash")):
        # Nothing is cut from so little; what the source keeps apart itself stays apart.
        train, apart = read(path, size=size, channels=channels, least=LEAST), None
    survey = whole.survey if train.survey.split_by == "hash" else train.survey
    return Learnt(Path(path).resolve().name, _pictures(train), _pictures(apart) if apart else None, survey)


def _pictures(data: Dataset) -> Pictures:
    return Pictures(data.pixels, data.labels, data.label_names)
