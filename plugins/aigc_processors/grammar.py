"""The grammar of prompt templates: text to a tree.

====================  ===========================================================================
``{animal}``          the variable ``animal``
``{red|blue|}``       one of the alternatives; one may be empty, or hold further braces
``{3::red|1::blue}``  the same with weights; an alternative without one weighs 1
``__flower__``        a line of ``flower.txt``; ``__garden/flower__`` of ``garden/flower.txt``
``{{`` and ``}}``     a brace. Only outside of braces: inside, each brace opens or closes a choice
====================  ===========================================================================
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from aigc_core import UsageError

#: Braces within braces. Nobody writes so many by hand.
MAX_NESTING = 32

_TOKEN = re.compile(r"\{\{|\}\}|[{}|]|__(?!_)((?:(?!__)[\w/-])+)__")
_NAME = re.compile(r"[\w-]+")
_WEIGHT = re.compile(r"\s*([-+]?[\d.]+)::")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part stands: `offset` characters into the template, or into what `origin` names."""

    offset: int
    origin: str = "the template"

    def __str__(self) -> str:
        return f"character {self.offset + 1} of {self.origin}"


@dataclass(frozen=True, slots=True)
class Variable:
    """``{name}``."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``__name__``."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Alternative:
    """One side of a choice, as parts and as it was written."""

    weight: float
    parts: Parts
    source: str


@dataclass(frozen=True, slots=True)
class Choice:
    """``{a|b}``."""

    alternatives: tuple[Alternative, ...]
    source: str


Part = str | Variable | Wildcard | Choice
Parts = tuple[Part, ...]


def parse(source: str, origin: str = "the template") -> Parts:
    """Return the parts of a template.

    Raises:
        UsageError: a brace is never closed or never opened, is empty, or braces nest too deeply.
    """
    return _Parser(source, origin).sequence(())


class _Parser:
    """Recursive descent; `_at` is the offset of what is read next."""

    def __init__(self, source: str, origin: str) -> None:
        self._source = source
        self._origin = origin
        self._at = 0

    def sequence(self, opened: tuple[int, ...]) -> Parts:
        """Read parts up to the end, or within braces up to ``|`` or ``}``, which is left to the caller."""
        parts: list[Part] = []
        while token := _TOKEN.search(self._source, self._at):
            parts.append(self._source[self._at : token.start()])
            mark = token[0] if not opened else token[0][:1]
            self._at = token.start()
            if mark.startswith("_"):
                self._at = token.end()
                parts.append(Wildcard(token[1], self._place(token.start())))
            elif opened and mark in "|}":
                return tuple(filter(None, parts))
            elif mark == "{":
                parts.append(self._braces(opened))
            elif mark == "}":
                raise self._error(
                    self._at,
                    "'}' closes nothing",
                    "'{{' and '}}' are braces themselves; '{{a|b}|c}' works as '{c|{a|b}}'",
                )
            else:
                self._at = token.end()
                parts.append(mark[0])
        if opened:
            raise self._error(opened[-1], "'{' is never closed", "close it with '}', or write a brace itself as '{{'")
        parts.append(self._source[self._at :])
        return tuple(filter(None, parts))

    def _braces(self, opened: tuple[int, ...]) -> Variable | Choice:
        start = self._at
        if len(opened) >= MAX_NESTING:
            raise self._error(start, f"braces nest more than {MAX_NESTING} deep", "move parts into wildcard files")
        alternatives: list[Alternative] = []
        while not alternatives or self._source[self._at] == "|":
            self._at += 1
            alternatives.append(self._alternative((*opened, start)))
        self._at += 1
        source = self._source[start : self._at]
        if len(alternatives) == 1:
            return self._variable(source[1:-1].strip(), start)
        if not sum(alternative.weight for alternative in alternatives) > 0:
            raise self._error(start, f"all weights of {source} are 0", "give one alternative a weight above 0")
        return Choice(tuple(alternatives), source)

    def _alternative(self, opened: tuple[int, ...]) -> Alternative:
        weight = 1.0
        if given := _WEIGHT.match(self._source, self._at):
            weight = self._weight(given)
            self._at = given.end()
        start = self._at
        parts = self.sequence(opened)
        return Alternative(weight, parts, self._source[start : self._at])

    def _weight(self, given: re.Match[str]) -> float:
        try:
            weight = float(given[1])
        except ValueError:
            weight = math.nan
        if not 0 <= weight < math.inf:
            raise self._error(
                given.start(1), f"{given[1]!r} is no weight", "weights are numbers from 0, as in {2::a|1::b}"
            )
        return weight

    def _variable(self, name: str, start: int) -> Variable:
        if not _NAME.fullmatch(name):
            raise self._error(
                start,
                f"{{{name}}} is neither a variable nor a choice",
                "a variable is one word, a choice is {a|b}, and a brace itself is '{{'",
            )
        return Variable(name, self._place(start))

    def _place(self, offset: int) -> Place:
        return Place(offset, self._origin)

    def _error(self, offset: int, message: str, hint: str) -> UsageError:
        return UsageError(f"template: {message}, at {self._place(offset)}", hint=hint)
