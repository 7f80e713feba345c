"""What a training learns from: the data as it was found, told to a person, and what is kept apart from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_core.content import Content
from aigc_core.data import SEEN, CaptionedPictures, Dataset, Survey, TextData, TextSurvey, read, read_parts, read_texts
from aigc_core.data.pictures import pictures_of
from aigc_core.data.splits import TRAIN, VALIDATION
from aigc_core.errors import PluginError, UsageError
from aigc_core.models import WEIGHTS
from aigc_core.pipeline.stages import run_step
from aigc_core.randomness import Noise
from aigc_core.training.conditioned import ConditionedPictures
from aigc_core.training.contract import Examples, ReadsCaptions, ReadsTexts
from aigc_core.training.loop.data import Pictures

if TYPE_CHECKING:
    from aigc_core.models import Model
    from aigc_core.training.plan import TrainPlan

ALL = "all"

#: From so many examples on, some are kept apart, so that there is something to hold the samples against. A smaller
#: set has too few for that, and needs them all.
ENOUGH_TO_KEEP_APART = 1000

#: Pictures that samples are written about.
SHOWN = 16

#: Fewer cannot be learnt from in any sense.
LEAST = 2

Real = Pictures | TextData
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Learnt:
    """The data of a training.

    Attributes:
        name: of the file or folder, no path.
        examples: as the loop takes them.
        real: the same as it was read, and as an evaluation takes it.
        kept_apart: more of the same data that is not learnt from, or None.
        survey: what was found, of all of it.
        seen: pictures that texts are written about, some of them, or none.
    """

    name: str
    examples: Examples
    real: Real
    kept_apart: Real | None
    survey: Survey | TextSurvey
    seen: tuple[Content, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """What was found, for people."""
        kind = "pictures" if isinstance(self.real, Pictures) else "texts"
        if isinstance(self.real, Pictures) and self.real.captions:
            kind += f" with {len(self.examples):,} captions"
        apart = f"{len(self.kept_apart):,} kept apart to measure with" if self.kept_apart else ""
        return (*self.survey.lines(), f"learning from {len(self.real):,} {kind}" + (f", {apart}" if apart else ""))


def learn_from(plan: TrainPlan, on_progress: Progress | None = None) -> Learnt:
    """Read what `plan` learns from, and keep some of it apart where there is enough.

    Raises:
        FileError, UsageError: it cannot be read, or holds too little; the message says why the rest was skipped.
    """
    if plan.vectors and plan.spec.modality == "text":
        return _descriptions(plan, on_progress)
    return _texts(plan, on_progress) if plan.spec.modality == "text" else _pictures(plan, on_progress)


def _pictures(plan: TrainPlan, on_progress: Progress | None) -> Learnt:
    train, apart, survey = _read(plan, plan.size, on_progress)
    if not (plan.vectors or isinstance(plan.component, ReadsCaptions)):
        pictures = _as_pictures(train)
        return Learnt(_name(plan), pictures, pictures, _as_pictures(apart) if apart else None, survey)
    pairs = CaptionedPictures.of(train)
    held = CaptionedPictures.of(apart) if apart and apart.captions else None
    real, kept_apart = _captioned(pairs), _captioned(held) if held else None
    return Learnt(_name(plan), pair_examples_of(plan, pairs), real, kept_apart, survey)


def pair_examples_of(plan: TrainPlan, pairs: CaptionedPictures) -> Examples:
    """Return pictures and captions as the component wants to learn them. Raises as `examples_of`."""
    if plan.vectors:
        return ConditionedPictures(pairs, plan.vectors.open().embed)
    assert isinstance(plan.component, ReadsCaptions)
    return plan.component.examples(plan.config, pairs, _files(plan.base) if plan.base else None)


def _captioned(pairs: CaptionedPictures) -> Pictures:
    """Return the pictures, each with the first of its captions."""
    first: dict[int, str] = {}
    for picture, caption in zip(pairs.picture_of.tolist(), pairs.captions, strict=True):
        first.setdefault(picture, caption)
    return Pictures(pairs.pixels, captions=[first[picture] for picture in range(len(pairs.pixels))])


def _descriptions(plan: TrainPlan, on_progress: Progress | None) -> Learnt:
    """Read pictures with captions: texts to write, each told the vector of its picture."""
    assert plan.vectors
    train, apart, survey = _read(plan, SEEN, on_progress)
    embed = plan.vectors.open().embed
    pairs = CaptionedPictures.of(train)
    texts = pairs.as_texts(embed)
    some = np.linspace(0, len(pairs.pixels) - 1, min(SHOWN, len(pairs.pixels))).astype(np.int64)
    held = CaptionedPictures.of(apart).as_texts(embed) if apart and apart.captions else None
    return Learnt(_name(plan), examples_of(plan, texts), texts, held, survey, tuple(pictures_of(pairs.pixels[some])))


def _read(plan: TrainPlan, size: int | None, on_progress: Progress | None) -> tuple[Dataset, Dataset | None, Survey]:
    """Return the pictures to learn from, those that are kept apart, and what was found of all."""
    path, only_seen = plan.order.data, plan.spec.modality == "text"
    how: dict[str, Any] = {"size": size, "tiny": only_seen}
    if plan.base and len(plan.base.shape) == 3:
        how["channels"] = plan.base.shape[0]
    found = read_parts(path, (ALL, TRAIN, VALIDATION), **how, on_progress=on_progress)
    whole, train, apart = (found.get(split) for split in (ALL, TRAIN, VALIDATION))
    if whole is None or len(whole) < LEAST or train is None:
        whole = read(path, **how, least=LEAST)  # says what is wrong with it
    if train and apart and apart.survey.size != train.survey.size:
        height, width = train.pixels.shape[2:]
        apart = read(path, size=(height, width), channels=train.pixels.shape[1], split=VALIDATION, tiny=only_seen)
    if train is None or (len(whole) < ENOUGH_TO_KEEP_APART and (apart is None or apart.survey.split_by == "hash")):
        # Nothing is cut from so little; what the source keeps apart itself stays apart.
        train, apart = read(path, **how, least=LEAST), None
    survey = whole.survey if train.survey.split_by == "hash" else train.survey
    return train, apart, survey


def _as_pictures(data: Dataset) -> Pictures:
    return Pictures(data.pixels, data.labels, data.label_names)


def _texts(plan: TrainPlan, on_progress: Progress | None) -> Learnt:
    found = read_texts(
        plan.order.data, plan.reading, prepare=lambda text: prepared(plan, text), least=LEAST, on_progress=on_progress
    )
    train, apart = found.part(TRAIN), found.part(VALIDATION)
    if train is None or (found.survey.split_by == "hash" and len(found.data) < ENOUGH_TO_KEEP_APART):
        train, apart = found.data, None
    return Learnt(_name(plan), examples_of(plan, train), train, apart, found.survey)


def prepared(plan: TrainPlan, text: str) -> str:
    """Return a text after the steps of the plan. Raises ItemError for one that a step leaves out."""
    for position, step in enumerate(plan.pre):
        text, _ = run_step(step, text, "text", plan.request, Noise(plan.options.seed, f"pre/{position}"), None)
    return text


def examples_of(plan: TrainPlan, texts: TextData) -> Examples:
    """Return texts as the component wants to learn them.

    Raises:
        UsageError: it cannot learn from them.
        PluginError: it makes texts and says not how they are learnt.
    """
    if not isinstance(plan.component, ReadsTexts):
        raise PluginError(f"{plan.order.component} learns from texts and has no examples()")
    if texts.sources is not None and not plan.takes_source:
        raise UsageError(
            f"{plan.order.component} transforms nothing, and the data are pairs",
            hint="name one column: --set text=COLUMN",
        )
    made = _files(plan.base) if plan.base and not plan.base.adopted else None
    return plan.component.examples(plan.config, texts, made)


def _files(base: Model) -> Mapping[str, bytes]:
    return {name: base.read(name) for name in base.manifest.files if name != WEIGHTS}


def _name(plan: TrainPlan) -> str:
    return Path(plan.order.data).resolve().name
