"""From what was asked of a training, all by name, to what will be trained: component, config, options, folder.

Every mistake in names and values is found here, before any data is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.content import JSON, Request, empty
from aigc_core.data import TextReading
from aigc_core.errors import PluginError, UsageError, unknown
from aigc_core.models import MANIFEST, Model, Models
from aigc_core.pipeline import draw_seed
from aigc_core.pipeline.embedders import Embedders
from aigc_core.pipeline.options import Given, validate
from aigc_core.pipeline.plan import Planner, ReadyStep
from aigc_core.registry import Registered, Registry
from aigc_core.training.conditioned import VectorSource, vector_source
from aigc_core.training.options import TrainingOptions
from aigc_core.training.tracking import TRACKERS
from aigc_core.training.watching.signs import MEMORISING

if TYPE_CHECKING:
    from pydantic import BaseModel

    from aigc_core.config import Config
    from aigc_core.specs import EmbedderSpec, GeneratorSpec
    from aigc_core.training.contract import Trainable

#: No path, nothing that a shell or a table would trip over; any script.
NAME = re.compile(r"\w[\w.+-]{0,99}")

PRESET = "small"  # where nothing is said and the component has it


@dataclass(frozen=True, slots=True)
class TrainOrder:
    """What is asked for.

    Attributes:
        component: what to train, e.g. ``"image/gan"``.
        data: a folder, archive or table.
        name: of the model, or a folder for it; None: after the data and the component.
        preset: one of the component's, e.g. ``"tiny"``; None: ``"small"``, where it has one.
        options: of the component's config, of the training, and of how texts are read, by name.
        pre: preprocessors that each text passes before it is learnt from.
        steps, minutes: how long, one of them or neither (then the preset says).
        seed: None draws one.
        size: side of the pictures in pixels; None: as the preset says, or as the data is, at most 64.
        base: model to start from (``--from``).
        freeze: patterns of parameter names that stay as they are in `base`.
        rehearse: share of what is learnt from that is made by `base`, against forgetting.
        licence: SPDX identifier of the data, or None.
        condition: what each example is told: ``"vector=MODEL"``, the vector of its caption or picture; or None.
        track: trackers besides ``metrics.jsonl``, of `TRACKERS`.
        resume: go on with an interrupted training.
    """

    component: str
    data: str | Path
    name: str | None = None
    preset: str | None = None
    options: Mapping[str, JSON] = field(default_factory=empty)
    pre: tuple[Given, ...] = ()
    steps: int | None = None
    minutes: float | None = None
    seed: int | None = None
    size: int | None = None
    base: str | None = None
    freeze: tuple[str, ...] = ()
    rehearse: float | None = None
    licence: str | None = None
    condition: str | None = None
    track: tuple[str, ...] = ()
    resume: bool = False


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """A checked order: component imported, options validated, nothing read yet.

    Attributes:
        order: what was asked for.
        entry: the component's spec, and its plugin.
        component: its class.
        config: an instance of ``component.Config``.
        options: of the training; its steps are provisional where `minutes` is set.
        minutes: time that the whole training may take, or None.
        size: side of the pictures, or None: as the data is.
        folder: of the model.
        base: model to start from, or None.
        stop_at: names of alarms that end the training.
        by_name: whether the folder is where models are looked for by name.
        reading: how texts are read, where it learns from texts.
        pre: what each of them passes before.
        vectors: what makes the vectors that examples are conditioned by, or None.
    """

    order: TrainOrder
    entry: Registered[Any]
    component: type[Trainable]
    config: BaseModel
    options: TrainingOptions
    minutes: float | None
    size: int | None
    folder: Path
    base: Model | None
    stop_at: tuple[str, ...] = ()
    by_name: bool = True
    reading: TextReading | None = None
    pre: tuple[ReadyStep, ...] = ()
    vectors: VectorSource | None = None

    @property
    def request(self) -> Request:
        """What steps are told that prepare the data: nothing is asked for yet."""
        return Request(self.spec.modality, self.options.seed)

    @property
    def takes_source(self) -> bool:
        """Whether the component can learn from pairs of a source and what was made of it."""
        return "source" in getattr(self.spec, "conditions", ())

    @property
    def spec(self) -> GeneratorSpec | EmbedderSpec:
        """What the plugin declares of the component."""
        spec: GeneratorSpec | EmbedderSpec = self.entry.spec
        return spec

    @property
    def name(self) -> str:
        """Of the model to be."""
        return self.folder.name

    @property
    def address(self) -> str:
        """What to type for ``-m``: the name where models are looked for by name, or else the folder."""
        return self.name if self.by_name else str(self.folder)

    @property
    def run_folder(self) -> Path:
        """Where the training keeps its own files."""
        return self.folder / "training"


class TrainPlanner:
    """Turns orders into plans with the plugins, models and configuration of this process."""

    def __init__(self, registry: Registry, config: Config) -> None:
        self.registry = registry
        self.config = config
        self.models = Models.of(registry, config)
        self.embedders = Embedders(registry, self.models)

    def plan(self, order: TrainOrder) -> TrainPlan:
        """Check `order` and find everything it names.

        Raises:
            UsageError: an unknown name or wrong value, with the near miss.
            PluginError, ModelError: something it needs is broken.
        """
        entry = self._entry(order.component)
        component: type[Trainable] = self.registry.resolve(entry.spec.trainable, entry)
        for tracker in order.track:
            if tracker not in TRACKERS:
                raise unknown("tracker", tracker, TRACKERS)
        base = self._base(order)
        preset = _preset(order, component)
        config_options, training_options, reading_options = _parted(order, component, entry.spec.modality)
        if base and config_options and not base.adopted:
            raise UsageError(
                f"{next(iter(config_options))!r} is settled by {base.name}", hint="leave it out, or leave --from out"
            )
        given = {**preset.get("config", {}), **config_options}
        if base:
            given = {**given, "base": _checkpoint(base)} if base.adopted else dict(base.options)
        config, _ = validate(order.component, component.Config, given)
        minutes, options = self._options(order, {**preset.get("training", {})}, training_options)
        reading, pre = self._reading(order, entry.spec.modality, reading_options)
        size = order.size or (base.shape[-1] if base and len(base.shape) == 3 else preset.get("size"))
        stop_at = (MEMORISING,) if base else ()
        folder = self._folder(order)
        by_name = folder.parent == self.config.model_path[0]
        vectors = self._vectors(order, entry.spec, base)
        return TrainPlan(
            *(order, entry, component, config, options, minutes, size, folder, base, stop_at, by_name),
            *(reading, pre, vectors),
        )

    def _vectors(
        self, order: TrainOrder, spec: GeneratorSpec | EmbedderSpec, base: Model | None
    ) -> VectorSource | None:
        """Return what makes the vectors of examples: as asked for, or as the model to start from was trained with."""
        required = base.required if base else None
        given = order.condition or (f"vector={required.model}" if required else None)
        if given is None:
            return None
        found = vector_source(given, getattr(spec, "conditions", ()), spec.modality, self.embedders)
        if base and (required is None or required != found.required()):
            told = f"vectors of {required.space_id}" if required else "no vectors"
            raise UsageError(f"{base.name} was trained with {told}", hint="leave --condition out, or leave --from out")
        return found

    def _reading(
        self, order: TrainOrder, modality: str, given: dict[str, Any]
    ) -> tuple[TextReading | None, tuple[ReadyStep, ...]]:
        """Return how texts are read, and the steps that each of them passes; pictures have neither."""
        if modality != "text":
            if order.pre:
                raise UsageError("--pre prepares texts", hint="pictures have --size, and --set flip=true, crop, colour")
            return None, ()
        if order.size is not None:
            raise UsageError("--size is for pictures", hint="leave it out")
        reading, _ = validate("the data", TextReading, given)
        steps = Planner(self.registry, self.config).steps("preprocessor", order.pre)
        for step in steps:
            if step.modality != modality:
                raise UsageError(f"preprocessor {step.name!r} is for {step.modality}, not for {modality}")
        return reading, steps

    def _entry(self, name: str) -> Registered[Any]:
        trainables = self.registry.trainables
        if name in trainables:
            return trainables[name]
        if name in self.registry.generators or name in self.registry.embedders:
            raise UsageError(f"{name} cannot be trained", hint=f"these can: {', '.join(trainables)}")
        self.registry.explain_missing("component", name)
        raise unknown("component", name, trainables)

    def _base(self, order: TrainOrder) -> Model | None:
        if order.base is None:
            if order.freeze or order.rehearse is not None:
                raise UsageError(
                    "--freeze and --rehearse are about a model to start from", hint="name one: --from MODEL"
                )
            return None
        base = self.models.find(order.base)
        if base.manifest.component != order.component:
            raise UsageError(
                f"{base.name} is a model of {base.manifest.component}, not of {order.component}",
                hint=f"aigc train {base.manifest.component} … --from {order.base}",
            )
        if base.adopted:
            if order.freeze or order.rehearse is not None:
                raise UsageError(
                    f"{base.name} was made elsewhere: --freeze and --rehearse are for models of aigc's own",
                    hint="leave them out",
                )
        elif order.preset is not None:
            raise UsageError(f"the networks are those of {base.name}", hint="leave --preset out, or leave --from out")
        return base

    def _options(
        self, order: TrainOrder, preset: dict[str, Any], given: dict[str, Any]
    ) -> tuple[float | None, TrainingOptions]:
        if order.steps is not None and order.minutes is not None:
            raise UsageError("--steps and --minutes both say how long", hint="give one of them")
        if order.minutes is not None and order.minutes <= 0:
            raise UsageError(f"a training of {order.minutes:g} minutes is none", hint="give more than 0")
        minutes = preset.pop("minutes", None)
        chosen = {**preset, **given, "seed": draw_seed() if order.seed is None else order.seed}
        if order.steps is not None:
            chosen["steps"] = order.steps
        if order.minutes is not None or order.steps is not None or "steps" in given:
            minutes = order.minutes
        options, _ = validate("the training", TrainingOptions, chosen)
        return minutes, options

    def _folder(self, order: TrainOrder) -> Path:
        name = order.name or f"{_stem(Path(order.data))}-{order.component.rpartition('/')[2]}"
        folder = Path(name).expanduser()
        if folder.name == name:
            folder = self.config.model_path[0] / name
        if not NAME.fullmatch(folder.name):
            raise UsageError(
                f"{folder.name!r} cannot be a model's name",
                hint="letters, digits, '.', '_' and '-', for example: --out my-model",
            )
        if folder.name in self.registry.models:
            raise UsageError(f"{folder.name!r} is the name of a bundled model", hint="choose another one with --out")
        if (folder / MANIFEST).exists():
            raise UsageError(f"{folder} is a finished model", hint="choose another name with --out, or remove it")
        return folder


def _checkpoint(base: Model) -> dict[str, JSON]:
    """Return what the config of a component is told of a checkpoint from elsewhere, as its field ``base``.

    What the folder is called must not get into the model: the component leaves it out of what it dumps.
    """
    return {"name": base.name, "files": base.files, "folder": str(base.folder.resolve())}


def _preset(order: TrainOrder, component: type[Trainable]) -> Mapping[str, Any]:
    presets: Mapping[str, Mapping[str, Any]] = getattr(component, "PRESETS", {})
    if order.preset is None:
        return presets.get(PRESET, {})
    if order.preset not in presets:
        raise unknown(f"preset of {order.component}", order.preset, presets)
    return presets[order.preset]


def _parted(
    order: TrainOrder, component: type[Trainable], modality: str
) -> tuple[dict[str, JSON], dict[str, JSON], dict[str, JSON]]:
    """Part options into those of the component's config, of the training and of reading texts, by their names."""
    config, training = component.Config.model_fields, TrainingOptions.model_fields
    reading = TextReading.model_fields if modality == "text" else {}
    if both := sorted((config.keys() & (training.keys() | reading.keys())) | (training.keys() & reading.keys())):
        raise PluginError(f"{order.component} has options {both} that are the training's", hint="rename them")
    parted: tuple[dict[str, JSON], ...] = ({}, {}, {})
    for name, value in order.options.items():
        if name == "seed":
            raise UsageError("the seed is no --set", hint="give it as --seed")
        places = [place for place, names in enumerate((config, training, reading)) if name in names]
        if not places:
            raise unknown(f"option of {order.component}", name, [*config, *training, *reading])
        parted[places[0]][name] = value
    if order.steps is not None and "steps" in order.options:
        raise UsageError("--steps and --set steps both say how long", hint="give one of them")
    return parted[0], parted[1], parted[2]


def _stem(data: Path) -> str:
    """Return the name of the data without endings like ``.tar.gz``, as a model's name may be spelt."""
    stem = data.resolve().name.split(".")[0] or "data"
    return re.sub(r"\W+", "-", stem.lower()).strip("-_") or "data"
