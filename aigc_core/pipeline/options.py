"""From what a person typed to validated options: ``--set key=value`` and ``"resize size=128"``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from aigc_core.content import JSON
from aigc_core.errors import UsageError, near_miss

Given = str | tuple[str, Mapping[str, JSON]]


def parse_assignments(texts: Iterable[str], *, where: str = "--set") -> dict[str, JSON]:
    """Turn ``["beta=4", "variables.animal=panda"]`` into ``{"beta": "4", "variables": {"animal": "panda"}}``.

    Values stay text unless they are JSON lists, objects, ``true``, ``false`` or ``null``; numbers are left to the
    option's own type, which knows whether ``7`` is a number or a label.
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
        place[name] = _value(value, where, text)
    return options


def _value(value: str, where: str, text: str) -> JSON:
    if value in ("true", "false", "null") or value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            if value[:1] == "[":
                raise UsageError(
                    f"{where} {text!r} is no JSON list", hint='for example: colours=["red","blue"]'
                ) from None
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
        options = _frozen(cls).model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        shown = f", not {first['input']!r}" if first["type"] != "missing" and name else ""
        raise UsageError(f"{owner}: {name + ': ' if name else ''}{message}{shown}") from error
    return options, options.model_dump(mode="json")
