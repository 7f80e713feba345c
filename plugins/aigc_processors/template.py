"""Fill in a prompt template: variables, seeded choices, lines of files. Its grammar is in grammar.py."""

from __future__ import annotations

import difflib
from itertools import accumulate
from pathlib import Path

from pydantic import BaseModel, Field

from aigc_core import Noise, StepContext, UsageError
from aigc_processors.grammar import Alternative, Choice, Part, Parts, Variable, Wildcard, parse
from aigc_processors.wildcards import open_wildcard

#: Wildcard lines that name wildcards, one within the other.
MAX_DEPTH = 16
#: Draws for one prompt. A file that names itself twice a line would go on for ever.
MAX_CHOICES = 1_000


class TemplateOptions(BaseModel, extra="forbid", frozen=True, coerce_numbers_to_str=True):
    """What a template is filled in with."""

    variables: dict[str, str] = Field(
        default_factory=dict, description="what {name} stands for, taken literally: variables.name=VALUE"
    )
    # Kept out of the recipe, which holds no path; the digest of each file drawn from is recorded instead.
    wildcards: Path | None = Field(
        None, exclude=True, description="folder in which __flower__ finds flower.txt, one choice a line"
    )


def template(prompt: str, context: StepContext) -> str:
    """Return the prompt with everything filled in; what was drawn is recorded in order.

    Raises:
        UsageError: the template is malformed, names a variable or file that is not there, or never ends.
    """
    filling = _Filling(context.options, context.noise)
    filled = filling.fill(parse(prompt), depth=0)
    context.record("template", prompt)
    context.record("choices", filling.choices)
    if filling.digests:
        context.record("wildcards", filling.digests)
    return filled


class _Filling:
    """One prompt being filled in, left to right; only the alternative that was drawn is looked into."""

    def __init__(self, options: TemplateOptions, noise: Noise) -> None:
        self._options = options
        self._noise = noise
        self.choices: list[dict[str, str]] = []
        self.digests: dict[str, str] = {}

    def fill(self, parts: Parts, depth: int) -> str:
        return "".join(self._part(part, depth) for part in parts)

    def _part(self, part: Part, depth: int) -> str:
        match part:
            case Variable():
                return self._variable(part)
            case Choice():
                taken = self._draw(part.alternatives)
                self._record(part.source, taken.source)
                return self.fill(taken.parts, depth)
            case Wildcard():
                return self._wildcard(part, depth)
            case str():
                return part

    def _variable(self, variable: Variable) -> str:
        known = self._options.variables
        if variable.name not in known:
            close = difflib.get_close_matches(variable.name, known, n=1)
            hint = f"did you mean {{{close[0]}}}?" if close else f'set it: --pre "template variables.{variable.name}=…"'
            raise UsageError(f"template: unknown variable {{{variable.name}}} at {variable.place}", hint=hint)
        return known[variable.name]

    def _draw(self, alternatives: tuple[Alternative, ...]) -> Alternative:
        bounds = list(accumulate(alternative.weight for alternative in alternatives))
        at = float(self._noise.uniform()) * bounds[-1]
        # `at < bounds[-1]` but for rounding, and an alternative of weight 0 is never reached.
        heavy = [alternative for alternative in alternatives if alternative.weight]
        return next((a for a, bound in zip(alternatives, bounds, strict=True) if at < bound), heavy[-1])

    def _wildcard(self, wildcard: Wildcard, depth: int) -> str:
        if depth >= MAX_DEPTH:
            raise UsageError(
                f"template: wildcards lead on to wildcards more than {MAX_DEPTH} times, at {wildcard.place}",
                hint="does a file name itself?",
            )
        file = open_wildcard(self._options.wildcards, wildcard.name, wildcard.place)
        number, line = file.lines[self._noise.choice(len(file.lines))]
        self._record(f"__{wildcard.name}__", line)
        self.digests[wildcard.name] = file.digest
        return self.fill(parse(line, f"line {number} of {file.path}"), depth + 1)

    def _record(self, source: str, taken: str) -> None:
        self.choices.append({"from": source, "took": taken})
        if len(self.choices) > MAX_CHOICES:
            raise UsageError(
                f"template: more than {MAX_CHOICES} choices in one prompt",
                hint="does a wildcard file name itself?",
            )
