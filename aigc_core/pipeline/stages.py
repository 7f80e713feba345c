"""The stages an item passes: preprocess, moderate the request, postprocess, moderate the artifact.

Each stage is a function of the plan and one item; none knows of batches, files or other items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from aigc_core.content import JSON, Condition, Content, Request, Verdict, modality_of, own, own_inputs
from aigc_core.errors import ItemError, ModelError, UsageError
from aigc_core.pipeline.order import Order
from aigc_core.pipeline.plan import Plan, ReadyStep
from aigc_core.protocols import Candidate, Final, Item, StepContext
from aigc_core.provenance import canonical
from aigc_core.randomness import Between, Noise, noise

Skipped = Callable[[str, str], None]  # step, error


@dataclass(frozen=True, slots=True)
class Prepared:
    """An item ready to be generated: preprocessed, moderated, its condition resolved.

    Attributes:
        source: what the noise of its making comes from: its seed, or a place between two.
        between: its place between two inputs, or None.
    """

    index: int
    request: Request
    condition: Condition
    pre: tuple[dict[str, JSON], ...]
    verdict: Verdict
    source: int | Between
    between: float | None = None

    @property
    def seed(self) -> int:
        return self.request.seed


@dataclass(frozen=True, slots=True)
class Made:
    """A candidate that was generated, postprocessed and moderated."""

    candidate: int
    content: Content
    scores: Any
    post: tuple[dict[str, JSON], ...]
    verdict: Verdict


def request_for(plan: Plan, seed: int) -> Request:
    """Return the request of one item, read-only through and through."""
    order = plan.order
    return Request(order.modality, seed, order.prompt, plan.inputs, MappingProxyType(dict(order.options)))


def seed_of(order: Order, index: int) -> int:
    """Return the seed of item `index`; between two seeds, the first one."""
    source = order.source(index)
    return source.a if isinstance(source, Between) else source


def prepare(plan: Plan, index: int, on_skip: Skipped | None) -> Prepared:
    """Preprocess the request of item `index`, moderate it and resolve its condition.

    On the way between two seeds, what is asked for stays as the first one has it: prompt and label. What is made of
    it moves. On the way between two inputs, all is the same but the place.

    Raises:
        ItemError: a step failed (and `on_skip` is None).
        UsageError: a step says that the request itself is wrong.
    """
    order = plan.order
    source, seed = order.source(index), seed_of(order, index)
    request = request_for(plan, seed)
    records = []
    for position, step in enumerate(plan.pre):
        stream = Noise(seed, f"pre/{position}")
        request, record = _preprocess(step, request, stream, on_skip)
        if record is not None:
            records.append(record)
    verdict = plan.moderator.check("request", list(parts_of(plan, request)), request)
    condition = plan.condition(request, Noise(seed, "condition"))
    return Prepared(index, request, condition, tuple(records), verdict, source, order.between(index))


def _preprocess(
    step: ReadyStep, request: Request, stream: Noise, on_skip: Skipped | None
) -> tuple[Request, dict[str, JSON] | None]:
    """Run one preprocessor over the prompt, or over the inputs of its modality."""
    if step.modality == "text" and request.prompt is not None:
        prompt, record = run_step(step, request.prompt, "text", request, stream, on_skip)
        return replace(request, prompt=prompt), record
    inputs = dict(request.inputs)
    record = None
    for name, content in inputs.items():
        if modality_of(content) == step.modality:
            inputs[name], record = run_step(step, content, step.modality, request, stream, on_skip)
    return replace(request, inputs=own_inputs(inputs)), record


def parts_of(plan: Plan, request: Request) -> Iterator[tuple[str, str, Content]]:
    """Yield (source, modality, content) of everything a person put into the request, for the filters.

    The options of postprocessors are among it: a step that writes a caption is no side door.
    """
    if request.prompt is not None:
        yield "prompt", "text", request.prompt
    for name, content in request.inputs.items():
        yield f"inputs.{name}", modality_of(content), content
    yield from _texts("options", request.options)
    for step in plan.post:
        yield from _texts(f"post.{step.name}", step.asked)


def _texts(source: str, value: JSON) -> Iterator[tuple[str, str, Content]]:
    """Yield every text in a JSON value, however deep, with where it stands."""
    if isinstance(value, str):
        yield source, "text", value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(f"{source}.{name}", inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(source, inner)


def item_for(plan: Plan, prepared: Prepared, candidate: int, *, streamed: bool = False) -> Item:
    """Return what the generator sees of one candidate of one item, with a fresh noise stream."""
    return Item(
        prompt=prepared.request.prompt,
        inputs=own_inputs(prepared.request.inputs),
        condition=prepared.condition,
        options=plan.options,
        noise=noise(prepared.source, f"generate/{candidate}"),
        between=prepared.between,
        streamed=streamed,
    )


def finish(plan: Plan, prepared: Prepared, candidate: int, final: Final, on_skip: Skipped | None) -> Made:
    """Postprocess and moderate one generated candidate.

    Raises:
        ItemError: the generator or a step returned the wrong type, or a step failed (and `on_skip` is None).
    """
    modality, content = plan.order.modality, final.content
    check_type(content, modality, f"generator {plan.entry.spec.name!r} (plugin {plan.entry.plugin})")
    records = []
    for position, step in enumerate(plan.post):
        stream = noise(prepared.source, f"post/{position}/{candidate}")
        content, record = run_step(step, content, modality, prepared.request, stream, on_skip)
        if record is not None:
            records.append(record)
    verdict = plan.moderator.check("artifact", [("content", modality, content)], prepared.request)
    return Made(candidate, content, final.scores, tuple(records), verdict)


def select(plan: Plan, prepared: Prepared, made: list[Made]) -> tuple[Made, dict[str, JSON] | None]:
    """Keep one of the candidates; return it with the recipe's record of the choice.

    Raises:
        ItemError: the selector failed or returned no valid index.
        UsageError, ModelError: it needs what is not here.
    """
    selector = plan.selector
    if selector is None:
        return made[0], None
    record: dict[str, JSON] = {}
    context = StepContext(
        prepared.request.own_copy(),
        selector.options,
        Noise(prepared.seed, "select"),
        record.__setitem__,
        plan.embedders.open,
    )
    candidates = [Candidate(own(one.content), one.scores) for one in made]
    try:
        index = selector.call(context.request, candidates, context)
        if isinstance(index, bool) or not 0 <= index < len(made):
            raise ValueError(f"returned {index!r} for {len(made)} candidates")
        _check_record(record)
    except (UsageError, ModelError):
        raise
    except (Exception, SystemExit) as error:
        raise _item_error("selector", selector, error) from error
    kept = made[int(index)]
    described = selector.described("selector", record)
    return kept, {**described, "candidates": plan.order.candidates, "kept": kept.candidate}


def run_step(
    step: ReadyStep, content: Any, modality: str, request: Request, stream: Noise, on_skip: Skipped | None
) -> tuple[Any, dict[str, JSON] | None]:
    """Run one step on its own copy of `content`; return the result and the step's entry in the recipe.

    A step that fails gives the content unchanged and no entry when `on_skip` is there to be told.
    """
    record: dict[str, JSON] = {}
    context = StepContext(request.own_copy(), step.options, stream, record.__setitem__)
    try:
        result = step.call(own(content), context)
        _check_record(record)
        check_type(result, modality, f"step {step.name!r} (plugin {step.plugin})")
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        if on_skip is None:
            raise _item_error("step", step, error) from error
        on_skip(step.name, f"{type(error).__name__}: {error}")
        return content, None
    return result, step.described(record=record)


def _check_record(record: dict[str, JSON]) -> None:
    """Raise TypeError unless `record` can stand in a recipe; here the step is still known that wrote it."""
    try:
        canonical(record)
    except UsageError as error:
        raise TypeError(f"recorded what is no JSON: {error}") from error


def _item_error(word: str, step: ReadyStep, error: BaseException) -> ItemError:
    if isinstance(error, ItemError):
        return error
    return ItemError(f"{word} {step.name!r} (plugin {step.plugin}) failed: {type(error).__name__}: {error}")


def check_type(content: Any, modality: str, who: str) -> None:
    """Raise ItemError unless `content` is what `modality` is made of; half a character is no text."""
    if modality == "text":
        fits = isinstance(content, str)
    else:
        from PIL.Image import Image

        fits = isinstance(content, Image)
    if not fits:
        wanted = "a str" if modality == "text" else "a PIL image"
        raise ItemError(f"{who} returned {type(content).__name__}, not {wanted}")
    if modality == "text":
        try:
            content.encode()
        except UnicodeEncodeError as error:
            raise ItemError(f"{who} returned half a character (a lone surrogate) at position {error.start}") from None
