"""Whether what an order gives fits the model that was chosen: prompt, inputs, and a way between two inputs."""

from __future__ import annotations

from collections.abc import Iterator

from aigc_core.content import Content, modality_of
from aigc_core.errors import UsageError
from aigc_core.models import Model
from aigc_core.pipeline.choice import Chooser
from aigc_core.pipeline.conditioning import Conditioning, Vectors
from aigc_core.pipeline.language import language_of
from aigc_core.pipeline.order import INPUT, LIKE, TOWARDS, Order
from aigc_core.specs import GeneratorSpec

LONGEST_PROMPT = 200_000  # characters; a recipe holds no more


def check_prompt(order: Order, name: str, model: Model | None, spec: GeneratorSpec) -> None:
    """Raise UsageError for a prompt that is too long, no text, or missing, or that nobody takes."""
    rule = model.manifest.prompt if model else spec.prompt
    if order.prompt is None:
        if rule == "required":
            raise UsageError(
                f"{name} needs a prompt", hint=f'for example: aigc generate --modality {order.modality} "…"'
            )
        return
    if len(order.prompt) > LONGEST_PROMPT:
        raise UsageError(f"the prompt has {len(order.prompt):,} characters", hint=f"at most {LONGEST_PROMPT:,}")
    _check_text("the prompt", order.prompt)
    if rule == "none":
        raise UsageError(
            f"{name} takes no prompt, and one was given", hint="leave the prompt out, or choose another -m"
        )


def check_inputs(order: Order, name: str, spec: GeneratorSpec, chooser: Chooser, steered: Conditioning | None) -> None:
    """Raise UsageError for an input that the generator does not take, or of another modality than it takes."""
    everything = dict(order.everything)
    if isinstance(steered, Vectors):
        _check_subject(order, name, steered, everything.pop(INPUT, None))
    if order.interpolate and not order.ends and not {LIKE, TOWARDS} <= set(spec.inputs):
        fitting = ", ".join(chooser.taking(TOWARDS, order.modality)) or "none is here"
        raise UsageError(
            f"--interpolate: {name} goes between two seeds, whole numbers, and nothing else",
            hint=f"models that go between two pieces of content: {fitting}",
        )
    for given, content in everything.items():
        wanted, is_one = spec.inputs.get(given), modality_of(content)
        if wanted is None:
            fitting = ", ".join(chooser.taking(given, order.modality)) or "none is here"
            plural = {"image": "pictures", "text": "texts"}.get(is_one, is_one)
            cannot = f"cannot encode {plural}" if given == LIKE else f"takes no input {given!r}"
            raise UsageError(f"{name} {cannot}", hint=f"models that can: {fitting}")
        if wanted != is_one:
            raise UsageError(f"{name}: the input {given!r} has to be {wanted}, not {is_one}")
        _check_text(f"the input {given!r}", content)


def _check_subject(order: Order, name: str, steered: Vectors, given: Content | None) -> None:
    """Raise UsageError where there is nothing to embed, or what is given is not what the embedder looks at."""
    subject, able = steered.subject(order.prompt, given), steered.modalities()
    if modality_of(subject) not in able:
        raise UsageError(f"{name}: the input {INPUT!r} has to be {' or '.join(able)}, not {modality_of(subject)}")
    what = "the prompt" if given is None else f"the input {INPUT!r}"
    _check_text(what, subject)
    if isinstance(subject, str) and not subject.strip():
        raise UsageError(f"{what} is empty", hint="say what is to be made")


def misgivings(order: Order, name: str, model: Model | None) -> Iterator[str]:
    """Yield what one should know before this is made: a prompt in a language that the model does not know."""
    known = model.spec.languages if model and model.spec else ()
    if order.prompt is not None and known and (language := language_of(order.prompt)) not in known:
        yield f"{name} knows prompts in {', '.join(known)}, and this one looks like {language}"


def _check_text(what: str, content: Content) -> None:
    """Raise UsageError for half a character: Python gives one where a command line or a file is no UTF-8."""
    if not isinstance(content, str):
        return
    try:
        content.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{what} holds half a character (a lone surrogate) at position {error.start}", hint="give it as UTF-8"
        ) from None
