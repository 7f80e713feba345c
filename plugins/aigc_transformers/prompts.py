"""From a request to the words that a model reads: a task's, a template's, or a conversation's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigc_core import Item, UsageError
from aigc_transformers.options import CausalOptions, WritingOptions

#: What a model that follows instructions is told, where it is given no words of one's own.
INSTRUCTIONS: Mapping[str, str] = {
    "summarise": "Summarise the following text in two or three sentences.\n\n{prompt}",
    "translate": "Translate the following text into {language}. Answer with the translation only.\n\n{prompt}",
    "answer": "{prompt}",
}
FROM_SOURCE = "Answer the question by the following text, and by nothing else.\n\nText: {source}\n\nQuestion: {prompt}"

#: Under which names checkpoints of T5 and BART keep what belongs to a task (``task_specific_params``).
NAMES: Mapping[str, str] = {"summarise": "summarization", "translate": "translation_en_to_{code}"}
CODES: Mapping[str, str] = {"french": "fr", "german": "de", "romanian": "ro"}


def asked(item: Item) -> str | None:
    """Return what the item's person wrote: the prompt, or the input ``source`` where there is no prompt.

    Raises:
        UsageError: it holds half a character.
    """
    text = item.prompt if item.prompt is not None else item.inputs.get("source")
    if text is None:
        return None
    assert isinstance(text, str)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"the prompt has half a character at place {error.start}", hint="write it again, as UTF-8"
        ) from error
    return text


def worded(item: Item, options: WritingOptions, settings: Mapping[str, Any] | None = None) -> str | None:
    """Return the words that the model reads, or None where nothing was asked.

    Args:
        settings: what the checkpoint itself keeps for the task; see `settings_of`.

    Raises:
        UsageError: a task or template has nothing to work on.
    """
    text = asked(item)
    if text is None:
        if options.task or options.template is not None:
            raise UsageError("there is nothing to work on", hint="give a prompt, or a text on standard input")
        return None
    return _filled(_template(item, options, settings), text, item, options)


def _template(item: Item, options: WritingOptions, settings: Mapping[str, Any] | None) -> str:
    both = item.prompt is not None and "source" in item.inputs
    if options.template is not None:
        return options.template
    if both and options.task == "answer":
        return FROM_SOURCE
    if both:
        raise UsageError(
            "a prompt and a source are given, and nothing says what the one has to do with the other",
            hint="set task=answer, or a template with {prompt} and {source}",
        )
    if settings is not None:
        return f"{settings.get('prefix') or ''}{{prompt}}"
    return INSTRUCTIONS[options.task] if options.task else "{prompt}"


def _filled(template: str, text: str, item: Item, options: WritingOptions) -> str:
    """Put the words in their places, in one go: what they themselves hold is not looked at again."""
    source = item.inputs.get("source")
    if "{source}" in template and source is None:
        raise UsageError("the template has a {source}, and no input of that name is given", hint="write {prompt} alone")
    words = {"prompt": text, "source": str(source or ""), "language": options.language}
    made, rest = "", template
    while rest:
        places = {place: name for name in words if (place := rest.find(f"{{{name}}}")) >= 0}
        if not places:
            break
        place = min(places)
        made += rest[:place] + words[places[place]]
        rest = rest[place + len(places[place]) + 2 :]
    return made + rest


def settings_of(config: Any, options: WritingOptions) -> Mapping[str, Any] | None:
    """Return what a checkpoint keeps for the task that is asked for: a prefix, and how it is best written."""
    kept = getattr(config, "task_specific_params", None)
    if not options.task or not isinstance(kept, dict):
        return None
    code = CODES.get(options.language.lower(), options.language.lower())
    found = kept.get(NAMES.get(options.task, "").format(code=code))
    return found if isinstance(found, dict) else None


def conversation(words: str, options: CausalOptions, tokenizer: Any, name: str) -> str:
    """Return `words` as the message of a person, in the form that the checkpoint's chat template gives it.

    Raises:
        UsageError: the template refuses, as some do a system prompt.
    """
    from jinja2 import TemplateError

    system = [{"role": "system", "content": options.system}] if options.system is not None else []
    messages = [*system, {"role": "user", "content": words}]
    try:
        text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except (TemplateError, ValueError) as error:
        hint = "leave system out" if system else "set chat=false"
        raise UsageError(f"the chat template of {name} refuses: {error}", hint=hint) from error
    return text


def wants_chat(words: str | None, options: CausalOptions, tokenizer: Any, name: str) -> bool:
    """Say whether the words are put as a message.

    Raises:
        UsageError: chat was asked for, and there is no template or nothing to say.
    """
    there = bool(tokenizer.chat_template)
    wanted = options.chat if options.chat is not None else there and words is not None
    if (options.chat or options.system is not None) and not there:
        raise UsageError(f"{name} has no chat template", hint="leave chat and system out, and write it in the prompt")
    if options.system is not None and not wanted:
        raise UsageError("a system prompt belongs to a conversation", hint="give a prompt, and leave chat=false out")
    if wanted and words is None:
        raise UsageError("a conversation begins with a prompt", hint="give one, or set chat=false")
    return wanted
