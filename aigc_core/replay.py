"""Make it again from its recipe, and compare (design section 7).

A recipe is untrusted input: nothing in it is opened as a path, and today's moderation looks at everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from aigc_core.content import JSON, Action, Content, Verdict
from aigc_core.errors import BlockedError, FileError, ItemError, ModelError, PluginError, UsageError
from aigc_core.pipeline import Order, Pipeline, Plan, stages
from aigc_core.protocols import Final
from aigc_core.provenance import (
    Envelope,
    content_digest,
    environment,
    read_input,
    recipe_id,
    require_envelope,
    trimmed,
)
from aigc_core.randomness import Between, Noise

if TYPE_CHECKING:
    from PIL.Image import Image

#: Pictures that differ by at most so much in every channel of every pixel are EQUIVALENT, in another environment.
TOLERANCE = 2


class Answer(StrEnum):
    """What replay says."""

    IDENTICAL = "IDENTICAL"
    EQUIVALENT = "EQUIVALENT"
    DIFFERENT = "DIFFERENT"


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer, with its reasons, and what was made, if it came to that."""

    answer: Answer
    reasons: tuple[str, ...]
    recipe_id: str
    content: Content | None = None


def replay_file(
    path: str | Path,
    *,
    pipeline: Pipeline | None = None,
    model: str | None = None,
    inputs: Sequence[str | Path] = (),
) -> Replay:
    """Make the content of the file at `path` again, and say whether it comes out the same.

    Args:
        pipeline: plugins and configuration to use; default: as for a command started here.
        model: folder or name of the model, where it is not found under its own name.
        inputs: files the item was made from, or texts themselves; each is recognised by its digest.

    Raises:
        FileError: the file carries no recipe, or one that is no recipe.
        UsageError, ModelError, PluginError: what the recipe needs is not here.
        BlockedError: today's moderation does not allow it.
    """
    sealed, envelope = require_envelope(Path(path))
    if changes := list(_changed(envelope, sealed.content)):
        return Replay(Answer.DIFFERENT, tuple(changes), envelope.recipe_id)
    pipeline = pipeline or Pipeline()
    recipe = envelope.recipe
    _check_plugins(pipeline, recipe)
    if reasons := _changed_model(pipeline, recipe, model):
        return Replay(Answer.DIFFERENT, reasons, envelope.recipe_id)
    plan = _plan(pipeline, recipe, model, _given_inputs(recipe, inputs))
    made = _make(pipeline, plan, recipe)
    return _compare(envelope, sealed.content, made, plan)


def _changed(envelope: Envelope, content: Content) -> Iterator[str]:
    """Hold the file against itself: the recipe against its id, the pixels against their digest."""
    actual = recipe_id(envelope.recipe)
    if actual != envelope.recipe_id:
        yield f"the recipe was changed: its id is {envelope.recipe_id[:12]}, and it hashes to {actual[:12]}"
    digest = content_digest(content)
    if digest != envelope.digest:
        what = "text was" if isinstance(content, str) else "pixels were"
        yield f"the {what} changed: the digest is {envelope.digest[:12]}, and the content hashes to {digest[:12]}"


def _check_plugins(pipeline: Pipeline, recipe: Mapping[str, JSON]) -> None:
    """Raise PluginError for the first component of the recipe that no plugin brings here."""
    registry = pipeline.registry
    steps = [("postprocessor", registry.postprocessors, step["step"], step) for step in recipe["post"]]
    generator = recipe["generator"]
    for word, known, name, described in [("generator", registry.generators, generator["name"], generator), *steps]:
        if name not in known:
            raise PluginError(
                f"the recipe needs the {word} {name!r}, which is not here",
                hint=f"install the plugin {described['plugin']!r}, version {described['version']}",
            )


def _changed_model(pipeline: Pipeline, recipe: Mapping[str, JSON], name: str | None) -> tuple[str, ...]:
    """Hold the model that is here against the recipe's hashes, file by file."""
    described = recipe["model"]
    if described is None:
        return ()
    try:
        model = pipeline.planner.models.find(name or described["name"])
    except UsageError as error:
        raise ModelError(
            f"the recipe needs the model {described['name']!r}, which is not here",
            hint="install the plugin that brings it, or name its folder: --model DIR",
        ) from error
    reasons = [
        f"{file} of {model.name!r} differs: {digest[:12]} in the recipe, {model.files.get(file, 'none')[:12]} here"
        for file, digest in described["files"].items()
        if model.files.get(file) != digest
    ]
    if not reasons:
        try:
            model.verify()
        except ModelError as error:
            reasons.append(error.message)
    return tuple(reasons)


def _given_inputs(recipe: Mapping[str, JSON], given: Sequence[str | Path]) -> dict[str, Content]:
    wanted = set(recipe["inputs"].values())
    found = {content_digest(content): content for value in given for content in _contents(value, wanted)}
    inputs = {}
    for name, digest in recipe["inputs"].items():
        if digest not in found:
            raise UsageError(
                f"the recipe was made from an input {name!r} ({digest[:12]})",
                hint="give it: --input FILE, or a text itself",
            )
        inputs[name] = found[digest]
    return inputs


def _contents(value: str | Path, wanted: Set[str]) -> Iterator[Content]:
    """Yield what `value` may have been as an input: the very text that is wanted, or what stands in a file."""
    if isinstance(value, str) and _is_wanted(value, wanted):
        yield value
        return
    content = read_input(value)
    yield content
    if isinstance(content, str):
        yield trimmed(content)


def _is_wanted(text: str, wanted: Set[str]) -> bool:
    try:
        return content_digest(text) in wanted
    except UsageError:  # half a character: the path of a file may have one, a text never
        return False


def _source(recipe: Mapping[str, JSON]) -> int | Between:
    """Return what the noise came from: a seed, or a place between two."""
    if (between := recipe.get("noise")) is not None:
        return Between(between["a"], between["b"], between["t"])
    seed: int = recipe["seed"]
    return seed


def _plan(pipeline: Pipeline, recipe: Mapping[str, JSON], model: str | None, inputs: dict[str, Content]) -> Plan:
    condition, source = recipe["condition"], _source(recipe)
    label = {"label": condition["value"]} if condition["kind"] == "label" else {}
    order = Order(
        modality=recipe["modality"],
        seed=source.a if isinstance(source, Between) else source,
        prompt=recipe["prompt"],
        inputs=inputs,
        model=(model or recipe["model"]["name"]) if recipe["model"] else recipe["generator"]["name"],
        options={**recipe["options"], **label},
        post=[(step["step"], step["options"]) for step in recipe["post"]],
    )
    plan = pipeline.planner.plan(order, configured_steps=False)
    if plan.entry.spec.name != recipe["generator"]["name"]:
        raise FileError(
            f"the recipe names the generator {recipe['generator']['name']!r} for a model of {plan.entry.spec.name!r}"
        )
    for owner, options in ((plan.name, plan.options), *((step.name, step.options) for step in plan.post)):
        for name, value in vars(options).items() if options is not None else ():
            if isinstance(value, PurePath):
                raise UsageError(f"{owner}: option {name!r} is a path, and a path that a recipe names is never opened")
    return plan


def _make(pipeline: Pipeline, plan: Plan, recipe: Mapping[str, JSON]) -> Content:
    """Make the one candidate that was kept; preprocessors are not run again, moderation is."""
    order = plan.order
    request = stages.request_for(plan, order.seed)
    condition = plan.condition(request, Noise(order.seed, "condition"))
    verdict = plan.moderator.check("request", list(stages.parts_of(plan, request)), request)
    _stop_if_blocked(verdict)
    prepared = stages.Prepared(0, request, condition, (), verdict, _source(recipe), recipe.get("between"))
    candidate = recipe["selection"]["kept"] if recipe["selection"] else 0
    items = [stages.item_for(plan, prepared, candidate) for _ in range(plan.micro_batch)]
    for final in pipeline.generator(plan).generate(items):
        if isinstance(final, Final) and final.index == 0:
            made = stages.finish(plan, prepared, candidate, final, None)
            _stop_if_blocked(made.verdict)
            return made.content
    raise ItemError(f"generator {plan.entry.spec.name!r} (plugin {plan.entry.plugin}) made nothing")


def _stop_if_blocked(verdict: Verdict) -> None:
    if verdict.action is Action.BLOCK:
        raise BlockedError(f"today's moderation does not allow it: {'; '.join(verdict.reasons)}")


def _compare(envelope: Envelope, before: Content, now: Content, plan: Plan) -> Replay:
    if content_digest(now) == envelope.digest:
        return Replay(Answer.IDENTICAL, (), envelope.recipe_id, now)
    elsewhere = [*_environment_changes(envelope.environment), *_plugin_changes(envelope.recipe, plan)]
    difference, close = _difference(before, now)
    answer = Answer.EQUIVALENT if close and elsewhere else Answer.DIFFERENT
    return Replay(answer, (difference, *(elsewhere or ["the environment is the same"])), envelope.recipe_id, now)


def _environment_changes(before: Mapping[str, Any]) -> Iterator[str]:
    now = environment()
    for key in sorted({*before, *now}):
        if before.get(key) != now.get(key):
            yield f"{key} was {before.get(key, 'not there')} and is {now.get(key, 'not there')}"


def _plugin_changes(recipe: Mapping[str, JSON], plan: Plan) -> Iterator[str]:
    now = {plan.entry.plugin.name: plan.entry.plugin.version}
    now.update({step.plugin.name: step.plugin.version for step in plan.post})
    before = {described["plugin"]: described["version"] for described in (recipe["generator"], *recipe["post"])}
    for plugin, version in sorted(before.items()):
        if plugin in now and now[plugin] != version:
            yield f"plugin {plugin} was {version} and is {now[plugin]}"


def _difference(before: Content, now: Content) -> tuple[str, bool]:
    """Say how two pieces of content differ, and whether the tolerance covers it. Texts are equal or not."""
    if isinstance(before, str) and isinstance(now, str):
        pairs = enumerate(zip(before, now, strict=False), 1)
        parting = next((place for place, (was, made) in pairs if was != made), min(len(before), len(now)) + 1)
        return f"the text made now is another from character {parting} on", False
    if isinstance(before, str) or isinstance(now, str):
        return "one is a text and the other a picture", False
    return _picture_difference(before, now)


def _picture_difference(before: Image, now: Image) -> tuple[str, bool]:
    import numpy as np

    if (before.mode, before.size) != (now.mode, now.size):
        return f"it was {before.mode} {before.size} and is {now.mode} {now.size}", False
    apart = np.abs(np.asarray(before).astype(np.int32) - np.asarray(now).astype(np.int32))
    largest = int(apart.max())
    pixels = apart if apart.ndim == 2 else apart.max(axis=2)
    share = f"{int((pixels > 0).sum())} of {pixels.size} pixels differ, by at most {largest}/255"
    return share, largest <= TOLERANCE
