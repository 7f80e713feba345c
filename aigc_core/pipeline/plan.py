"""From names to components: what a run will do, decided and checked before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aigc_core.config import Config
from aigc_core.content import JSON, Condition, Content, modality_of, own_inputs
from aigc_core.errors import ModelError, UsageError, near_miss, unknown
from aigc_core.models import Model, Models, open_folder
from aigc_core.moderation import Moderator, ReadyFilter
from aigc_core.pipeline.options import Given, parse_step, validate
from aigc_core.pipeline.order import Order
from aigc_core.protocols import Generator
from aigc_core.randomness import Between, Noise
from aigc_core.registry import Plugin, Registered, Registry
from aigc_core.specs import DefaultFor, GeneratorSpec

#: The input that a model makes variations of: it has to encode it.
LIKE = "like"

LONGEST_PROMPT = 200_000  # characters; a recipe holds no more


@dataclass(frozen=True, slots=True)
class ReadyStep:
    """A step or selector whose code is imported and whose options are validated.

    Attributes:
        options: an instance of its options class, or None.
        given: all option values as JSON, defaults included.
        asked: those that the caller set.
    """

    name: str
    plugin: Plugin
    call: Callable[..., Any]
    modality: str | None
    options: Any
    given: dict[str, JSON]
    asked: dict[str, JSON]

    def described(self, key: str = "step", record: Mapping[str, JSON] | None = None) -> dict[str, JSON]:
        """Return its entry in a recipe."""
        return {
            key: self.name,
            "plugin": self.plugin.name,
            "version": self.plugin.version,
            "options": self.given,
            "record": dict(record or {}),
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked order: components imported, options validated, weights still to be loaded."""

    order: Order
    entry: Registered[GeneratorSpec]
    model: Model | None
    options: Any
    options_json: dict[str, JSON]
    label: str | None
    pre: tuple[ReadyStep, ...]
    post: tuple[ReadyStep, ...]
    selector: ReadyStep | None
    moderator: Moderator
    inputs: Mapping[str, Content]
    factory: Callable[[Model | None], Generator] = field(repr=False)

    @property
    def name(self) -> str:
        """The model, or the generator where there is none."""
        return self.model.name if self.model else self.entry.spec.name

    def stem(self, index: int) -> str:
        """Return what the file of item `index` is called: model and seed, or both seeds and the frame's number."""
        name = self.name.replace("/", "-")
        source = self.order.source(index)
        if isinstance(source, Between):
            return f"{name}-{source.a}-{source.b}-{index:0{len(str(self.order.frames - 1))}}"
        return f"{name}-{source}"

    @property
    def micro_batch(self) -> int:
        """How many items a call to the generator has; a generator without weights gets one at a time."""
        return self.model.manifest.micro_batch if self.model else 1

    def condition(self, noise: Noise) -> Condition:
        """Return the condition of one item; a label that was not given is drawn from `noise`."""
        if not self.takes_label:
            return Condition()
        labels = self.model.labels if self.model else ()
        index = labels.index(self.label) if self.label is not None else noise.choice(len(labels))
        return Condition("label", labels[index], index, drawn=self.label is None)

    @property
    def takes_label(self) -> bool:
        """Say whether every item has a label."""
        return bool(self.model and self.model.labels and "label" in self.entry.spec.conditions)


class Planner:
    """Turns orders into plans with the plugins, models and configuration of this process."""

    def __init__(self, registry: Registry, config: Config) -> None:
        self.registry = registry
        self.config = config
        self.models = Models(registry, config.model_path)

    def plan(self, order: Order, *, configured_steps: bool = True) -> Plan:
        """Check `order` and find everything it names.

        Args:
            configured_steps: put the steps of ``[pipeline.MODALITY]`` before the order's own.

        Raises:
            UsageError: an unknown name or wrong value, with the near miss.
            PluginError, ModelError: something it needs is broken.
        """
        order.check()
        if order.modality not in self.registry.modalities:
            self.registry.explain_missing("modality", order.modality)
            raise unknown("modality", order.modality, self.registry.modalities, listing="aigc generators list")
        model, entry = self._choose(order)
        self._check_prompt(order, model, entry)
        self._check_inputs(order, model, entry)
        options = dict(order.options)
        label = self._take_label(options, model, entry)
        cls = self.registry.resolve(entry.spec.options, entry) if entry.spec.options else None
        ready, options_json = validate(model.name if model else entry.spec.name, cls, options)
        steps = self.config.pipeline.get(order.modality) if configured_steps else None
        pre = self._steps("preprocessor", [*(steps.pre if steps else ()), *order.pre])
        post = self._steps("postprocessor", [*(steps.post if steps else ()), *order.post])
        for step in post:
            if step.modality != order.modality:
                raise UsageError(f"postprocessor {step.name!r} is for {step.modality}, not for {order.modality}")
        if order.pre and order.prompt is None and not order.inputs:
            raise UsageError("there is nothing to preprocess", hint="give a prompt, or leave --pre out")
        return Plan(
            order=order,
            entry=entry,
            model=model,
            options=ready,
            options_json=options_json,
            label=label,
            pre=pre,
            post=post,
            selector=self._selector(order),
            moderator=self.moderator(),
            inputs=own_inputs(order.inputs),
            factory=self.registry.resolve(entry.spec.factory, entry),
        )

    def _choose(self, order: Order) -> tuple[Model | None, Registered[GeneratorSpec]]:
        name = order.model or self._default(order)
        generator = self.registry.generators.get(name)
        if generator and name not in self.registry.models:
            if generator.spec.needs_model:
                fitting = sorted(
                    entry.spec.name for entry in self.registry.models.values() if entry.spec.component == name
                )
                hint = f"for example: -m {fitting[0]}" if fitting else f"train one: aigc train {name} DATA"
                raise UsageError(f"{name} needs a model", hint=hint)
            model = None
        else:
            model = self._find_model(name)
            if model.manifest.component in self.registry.embedders:
                raise UsageError(
                    f"{name} makes nothing: it is for {model.manifest.component}, which looks at content",
                    hint=f"aigc evaluate MODEL --embedder {name}; what makes something: aigc models list",
                )
            generator = self.registry.get("generator", model.manifest.component)
        if generator.spec.modality != order.modality:
            raise UsageError(f"{name} makes {generator.spec.modality}, not {order.modality}")
        return model, generator

    def modality_of(self, name: str) -> str:
        """Return the modality of what the model or generator `name` makes. Raises as `plan`."""
        if name in self.registry.generators and name not in self.registry.models:
            return self.registry.generators[name].spec.modality
        return self._find_model(name).manifest.modality

    def _find_model(self, name: str) -> Model:
        try:
            return self.models.find(name)
        except UsageError as error:
            known = [
                *self.models.names(),
                *(g for g, e in self.registry.generators.items() if not e.spec.needs_model),
            ]
            if close := near_miss(name, known):
                raise UsageError(error.message, hint=f"did you mean {close!r}?") from None
            raise

    def _default(self, order: Order) -> str:
        given = "input" if order.inputs else "prompt" if order.prompt is not None else "nothing"
        configured = self.config.defaults.get(f"{order.modality}:{given}") or self.config.defaults.get(order.modality)
        if configured:
            return configured
        for key in (DefaultFor(order.modality, given), DefaultFor(order.modality)):
            if name := self.registry.default_model(key):
                return name
        raise UsageError(
            f"no model is the default for {order.modality}", hint="name one: -m MODEL; see: aigc models list"
        )

    @staticmethod
    def _check_prompt(order: Order, model: Model | None, entry: Registered[GeneratorSpec]) -> None:
        if order.prompt is not None and len(order.prompt) > LONGEST_PROMPT:
            raise UsageError(f"the prompt has {len(order.prompt):,} characters", hint=f"at most {LONGEST_PROMPT:,}")
        rule = model.manifest.prompt if model else entry.spec.prompt
        name = model.name if model else entry.spec.name
        if order.prompt is not None and rule == "none":
            raise UsageError(
                f"{name} takes no prompt, and one was given",
                hint="leave the prompt out, or choose another -m",
            )
        if order.prompt is None and rule == "required":
            raise UsageError(
                f"{name} needs a prompt", hint=f'for example: aigc generate --modality {order.modality} "…"'
            )

    def _check_inputs(self, order: Order, model: Model | None, entry: Registered[GeneratorSpec]) -> None:
        """Raise UsageError for an input that the generator does not take, or of another modality than it takes."""
        name = model.name if model else entry.spec.name
        for given, content in order.inputs.items():
            wanted = entry.spec.inputs.get(given)
            if wanted is None:
                fitting = ", ".join(self._that_take(given, order.modality)) or "none is here"
                cannot = "cannot encode pictures" if given == LIKE else f"takes no input {given!r}"
                raise UsageError(f"{name} {cannot}", hint=f"models that can: {fitting}")
            if wanted != modality_of(content):
                raise UsageError(f"{name}: the input {given!r} has to be {wanted}, not {modality_of(content)}")

    def _that_take(self, given: str, modality: str) -> list[str]:
        """Return the models and generators that take the input `given`."""
        able = {
            name
            for name, entry in self.registry.generators.items()
            if entry.spec.modality == modality and given in entry.spec.inputs
        }
        bundled = [entry.spec.name for entry in self.registry.models.values() if entry.spec.component in able]
        own = [name for name, folder in self.models.own() if _component(folder) in able]
        bare = [name for name in able if not self.registry.generators[name].spec.needs_model]
        return sorted({*bundled, *own, *bare})

    @staticmethod
    def _take_label(options: dict[str, JSON], model: Model | None, entry: Registered[GeneratorSpec]) -> str | None:
        """Take ``label`` out of the options: it is the condition, which the core resolves."""
        labels = model.labels if model and "label" in entry.spec.conditions else ()
        if not labels or options.get("label") is None:
            return None
        label = str(options.pop("label"))
        if label not in labels:
            raise unknown(f"label of {model.name if model else ''}", label, labels)
        return label

    def _steps(self, word: str, given: Sequence[Given]) -> tuple[ReadyStep, ...]:
        return tuple(self._ready(word, *parse_step(step)) for step in given)

    def _ready(self, word: str, name: str, options: dict[str, JSON]) -> ReadyStep:
        entry = self.registry.get(word, name)
        spec = entry.spec
        code = spec.selector if word == "selector" else spec.step
        cls = self.registry.resolve(spec.options, entry) if spec.options else None
        ready, given = validate(f"{word} {name}", cls, options)
        return ReadyStep(name, entry.plugin, self.registry.resolve(code, entry), spec.modality, ready, given, options)

    def _selector(self, order: Order) -> ReadyStep | None:
        if order.select is None:
            if order.candidates > 1:
                names = ", ".join(self.registry.selectors) or "none is installed"
                raise UsageError(
                    "candidates need a selector that keeps one", hint=f"--select SELECTOR; there is: {names}"
                )
            return None
        selector = self._ready("selector", *parse_step(order.select))
        if selector.modality not in (None, order.modality):
            raise UsageError(f"selector {selector.name!r} is for {selector.modality}, not for {order.modality}")
        return selector

    def moderator(self) -> Moderator:
        """Return what judges content, with all filters as they are configured. Raises as `plan`."""
        rules = self.config.moderation
        for name in (*self.config.filters, *rules.filters, *rules.skip):
            self.registry.get("filter", name)  # a filter that the user relies on and that is not there is an error
        names = dict.fromkeys((*rules.filters, *self.registry.filters))
        return Moderator([self._filter(name) for name in names if name not in rules.skip])

    def _filter(self, name: str) -> ReadyFilter:
        entry = self.registry.get("filter", name)
        given = self.config.filters.get(name, {})
        cls = self.registry.resolve(entry.spec.options, entry) if entry.spec.options else None
        options, described = validate(f"filter {name}", cls, given)
        return ReadyFilter(entry.spec, entry.plugin, self.registry.resolve(entry.spec.check, entry), options, described)


def _component(folder: Path) -> str | None:
    """Return what the model in `folder` is for; None where the folder is broken: it is not the one asked for."""
    try:
        return open_folder(folder).manifest.component
    except ModelError:
        return None
