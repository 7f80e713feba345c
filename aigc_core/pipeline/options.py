"""From what a person typed to validated options: ``--set key=value`` and ``"resize size=128"``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from aigc_core.content import JSON
from aigc_core.errors import UsageError, near_miss
from aigc_core.provenance import canonical

#: What pydantic calls it when a list was wanted.
_LISTS = ("list_type", "tuple_type", "set_type", "frozen_set_type")

Given = str | tuple[str, Mapping[str, JSON]]


def parse_assignments(texts: Iterable[str], *, where: str = "--set") -> dict[str, JSON]:
    """Turn ``["beta=4", "variables.animal=panda"]`` into ``{"beta": "4", "variables": {"animal": "panda"}}``.

    Values stay text unless they are JSON lists, objects or ``null``. The option's own type makes of them what it is:
    it knows whether ``7`` is a number or a label, and ``true`` a switch or a word.
    """
    options: dict[str, JSON] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"{where} {text!r} is not key=value", hint=f"for example: {where} truncation=0.8")
        *parents, name = key.strip().split(".")
        place = options
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise UsageError(f"{where} {text!r}: {parent} is already a value")
        if name in place:
            raise UsageError(f"{where} {key.strip()} is given twice")
        place[name] = _value(value)
    return options


def _value(value: str) -> JSON:
    if value == "null" or value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value  # a text may begin with a bracket, too; an option that wants a list says so
    return value


def parse_step(given: Given) -> tuple[str, dict[str, JSON]]:
    """Turn ``"resize size=128"``, or ``("resize", {"size": 128})``, into a name and options."""
    if not isinstance(given, str):
        name, options = given
        return name, dict(options)
    try:
        words = shlex.split(given)
    except ValueError as error:
        raise UsageError(f"step {given!r}: {error}", hint='for example: "resize size=128"') from error
    if not words:
        raise UsageError("a step has no name", hint='for example: --post "resize size=128"')
    return words[0], parse_assignments(words[1:], where=words[0])


@cache
def _frozen(cls: type[BaseModel]) -> type[BaseModel]:
    """Return a class like `cls` whose instances cannot be changed: many items share one."""
    if cls.model_config.get("frozen"):
        return cls
    return type(cls.__name__, (cls,), {"model_config": ConfigDict(frozen=True), "__module__": cls.__module__})


def validate(owner: str, cls: type[BaseModel] | None, given: Mapping[str, JSON]) -> tuple[Any, dict[str, JSON]]:
    """Return an instance of the options class, and all its values as JSON, defaults included.

    Args:
        owner: whose options they are, for messages.
        cls: the options class; None takes no options.
        given: what was asked for.

    Where a list is wanted, one text alone is a list of one.

    Raises:
        UsageError: an option is unknown (with the near miss), missing, or has a wrong value.
    """
    if cls is None:
        if given:
            raise UsageError(f"{owner} takes no options, and {next(iter(given))!r} was given")
        return None, {}
    if stray := [name for name in given if name not in cls.model_fields]:
        close = near_miss(stray[0], cls.model_fields)
        there = ", ".join(cls.model_fields) or "none"
        raise UsageError(
            f"{owner} has no option {stray[0]!r}",
            hint=f"did you mean {close!r}?" if close else f"there is: {there}",
        )
    try:
        options = _typed(_frozen(cls), dict(given))
    except ValidationError as error:
        raise UsageError(f"{owner}: {_explained(error)}", hint=_hint(error)) from error
    described = options.model_dump(mode="json")
    try:
        canonical(described)
    except UsageError as error:  # NaN, an infinity, half a character: what no recipe could hold
        raise UsageError(f"{owner}: {error.message}", hint=error.hint) from error
    return options, described


def _typed(cls: type[BaseModel], given: dict[str, JSON]) -> BaseModel:
    try:
        return cls.model_validate(given)
    except ValidationError as error:
        lone = [one["loc"][0] for one in error.errors() if one["type"] in _LISTS and _is_lone(one)]
        if not lone:
            raise
        return cls.model_validate({**given, **{str(name): [given[str(name)]] for name in lone}})


def _is_lone(error: ErrorDetails) -> bool:
    """Say whether a list was wanted and a text was given, which is not a list that went wrong."""
    return len(error["loc"]) == 1 and isinstance(error["input"], str) and error["input"][:1] != "["


def _explained(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    shown = f", not {first['input']!r}" if first["type"] != "missing" and name else ""
    return f"{name + ': ' if name else ''}{message}{shown}"


def _hint(error: ValidationError) -> str | None:
    return 'a list is written as ["a","b"]' if error.errors()[0]["type"] in _LISTS else None
