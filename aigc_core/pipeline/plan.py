"""From names to components: what a run will do, decided and checked before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aigc_core.config import Config
from aigc_core.content import JSON, Condition, Content, Request, own_inputs
from aigc_core.errors import UsageError, unknown
from aigc_core.models import Model, Models
from aigc_core.moderation import Moderator, ReadyFilter
from aigc_core.pipeline.choice import Chooser, keys_of
from aigc_core.pipeline.conditioning import Conditioning, Labels, conditioning
from aigc_core.pipeline.embedders import Embedders
from aigc_core.pipeline.fitting import check_inputs, check_prompt, misgivings
from aigc_core.pipeline.options import Given, parse_step, validate
from aigc_core.pipeline.order import Order
from aigc_core.protocols import Generator
from aigc_core.randomness import Between, Noise
from aigc_core.registry import Plugin, Registered, Registry
from aigc_core.specs import GeneratorSpec


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
    """A checked order: components imported, options validated, weights still to be loaded.

    Attributes:
        inputs: all to work from, both ends of an interpolation between pieces of content among them.
        misgivings: what one should know before it is made, a line each.
    """

    order: Order
    entry: Registered[GeneratorSpec]
    model: Model | None
    options: Any
    options_json: dict[str, JSON]
    conditioning: Conditioning
    pre: tuple[ReadyStep, ...]
    post: tuple[ReadyStep, ...]
    selector: ReadyStep | None
    moderator: Moderator
    embedders: Embedders = field(repr=False)
    inputs: Mapping[str, Content]
    misgivings: tuple[str, ...]
    factory: Callable[[Model | None], Generator] = field(repr=False)

    @property
    def name(self) -> str:
        """The model, or the generator where there is none."""
        return self.model.name if self.model else self.entry.spec.name

    def stem(self, index: int) -> str:
        """Return what the file of item `index` is called: model and seed, or both, and the frame's number."""
        number = f"-{index:0{len(str(self.order.frames - 1))}}" if self.order.interpolate else ""
        source = self.order.source(index)
        seeds = f"{source.a}-{source.b}" if isinstance(source, Between) else str(source)
        return f"{self.name.replace('/', '-')}-{seeds}{number}"

    @property
    def micro_batch(self) -> int:
        """How many items a call to the generator has; a generator without weights gets one at a time."""
        return self.model.manifest.micro_batch if self.model else 1

    def condition(self, request: Request, noise: Noise) -> Condition:
        """Return the condition of one item; a label that was not given is drawn from `noise`.

        Raises:
            UsageError, ModelError: the request cannot be embedded by what the model was trained with.
        """
        return self.conditioning.condition(request, noise)

    @property
    def takes_label(self) -> bool:
        """Say whether every item has a label."""
        return isinstance(self.conditioning, Labels)


class Planner:
    """Turns orders into plans with the plugins, models and configuration of this process."""

    def __init__(self, registry: Registry, config: Config) -> None:
        self.registry = registry
        self.config = config
        self.models = Models.of(registry, config)
        self.embedders = Embedders(registry, self.models)
        self.chooser = Chooser(registry, config, self.models)

    def plan(self, order: Order, *, configured_steps: bool = True, told: bool = True) -> Plan:
        """Check `order` and find everything it names.

        Args:
            told: the order says what its items are of; otherwise whoever makes them conditions them himself.
            configured_steps: put the steps of ``[pipeline.MODALITY]`` before the order's own.

        Raises:
            UsageError: an unknown name or wrong value, with the near miss.
            PluginError, ModelError: something it needs is broken.
        """
        order.check()
        if order.modality not in self.registry.modalities:
            self.registry.explain_missing("modality", order.modality)
            raise unknown("modality", order.modality, self.registry.modalities, listing="aigc generators list")
        model, entry = self.chooser.choose(order)
        name = model.name if model else entry.spec.name
        options = dict(order.options)
        label = self._take_label(options, model, entry)
        steered = conditioning(model, entry.spec.conditions, label, self.embedders)
        check_prompt(order, name, model, entry.spec)
        check_inputs(order, name, entry.spec, self.chooser, steered if told else None)
        cls = self.registry.resolve(entry.spec.options, entry) if entry.spec.options else None
        ready, options_json = validate(name, cls, options)
        steps = self.config.pipeline.get(order.modality) if configured_steps else None
        pre = self.steps("preprocessor", [*(steps.pre if steps else ()), *order.pre])
        post = self.steps("postprocessor", [*(steps.post if steps else ()), *order.post])
        for step in post:
            if step.modality != order.modality:
                raise UsageError(f"postprocessor {step.name!r} is for {step.modality}, not for {order.modality}")
        if order.pre and order.prompt is None and not order.everything:
            raise UsageError("there is nothing to preprocess", hint="give a prompt, or leave --pre out")
        return Plan(
            order=order,
            entry=entry,
            model=model,
            options=ready,
            options_json=options_json,
            conditioning=steered,
            pre=pre,
            post=post,
            selector=self._selector(order),
            moderator=self.moderator(),
            embedders=self.embedders,
            inputs=own_inputs(order.everything),
            misgivings=tuple(misgivings(order, name, model)),
            factory=self.registry.resolve(entry.spec.factory, entry),
        )

    def modality_of(self, name: str) -> str:
        """Return the modality of what the model or generator `name` makes. Raises as `plan`."""
        return self.chooser.modality_of(name)

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

    def steps(self, word: str, given: Sequence[Given]) -> tuple[ReadyStep, ...]:
        """Return what steps (`word` says of which kind) are named, ready to run. Raises as `plan`."""
        return tuple(self._ready(word, *parse_step(step)) for step in given)

    def _ready(self, word: str, name: str, options: dict[str, JSON]) -> ReadyStep:
        entry = self.registry.get(word, name)
        spec = entry.spec
        code = spec.selector if word == "selector" else spec.step
        cls = self.registry.resolve(spec.options, entry) if spec.options else None
        ready, given = validate(f"{word} {name}", cls, options)
        return ReadyStep(name, entry.plugin, self.registry.resolve(code, entry), spec.modality, ready, given, options)

    def _selector(self, order: Order) -> ReadyStep | None:
        select = order.select or (self._default_selector(order) if order.candidates > 1 else None)
        if select is None:
            return None
        selector = self._ready("selector", *parse_step(select))
        if selector.modality not in (None, order.modality):
            raise UsageError(f"selector {selector.name!r} is for {selector.modality}, not for {order.modality}")
        return selector

    def _default_selector(self, order: Order) -> str:
        """Return the one selector that is there for what the order gives."""
        keys, known = set(keys_of(order)), self.registry.selectors
        fitting = [name for name, entry in known.items() if keys & entry.spec.default_for]
        if len(fitting) == 1:
            return fitting[0]
        names = ", ".join(fitting or known) or "none is installed"
        raise UsageError("candidates need a selector that keeps one", hint=f"--select SELECTOR; there is: {names}")

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
        check, window = (self.registry.resolve(part, entry) for part in (entry.spec.check, entry.spec.window))
        return ReadyFilter(entry.spec, entry.plugin, check, options, described, window)
