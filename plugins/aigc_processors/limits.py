"""Steps that let a text through as it is, or refuse it: length, language.

In a pipeline the item fails. Before a training the text is left out, and the survey counts the reason.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from aigc_core import ItemError, StepContext
from aigc_processors.languages import LANGUAGES, is_in


class LengthOptions(BaseModel, extra="forbid", frozen=True):
    """How long a text may be, spaces at its ends not counted."""

    min: int = Field(1, ge=0, description="characters at least")
    max: int | None = Field(None, ge=1, description="characters at most; none: any number")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"nothing is at least {self.min} and at most {self.max} characters long")
        return self


def length(text: str, context: StepContext) -> str:
    """Return the text as it is.

    Raises:
        ItemError: it is shorter or longer than the options allow.
    """
    options: LengthOptions = context.options
    characters = len(text.strip())
    if characters < options.min:
        raise ItemError(f"length: shorter than {options.min:,} characters")
    if options.max is not None and characters > options.max:
        raise ItemError(f"length: longer than {options.max:,} characters")
    return text


def _listed(value: object) -> object:
    """Take ``only=zh,en`` as it comes from the command line."""
    return value.split(",") if isinstance(value, str) else value


class LanguageOptions(BaseModel, extra="forbid", frozen=True):
    """Which languages are let through."""

    only: Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)] = Field(
        description="two-letter codes, such as zh or en,de"
    )

    @field_validator("only")
    @classmethod
    def _are_known(cls, only: tuple[str, ...]) -> tuple[str, ...]:
        codes = tuple(code.strip().lower() for code in only)
        if stray := [code for code in codes if code not in LANGUAGES]:
            raise ValueError(f"{stray[0]!r} is none that can be told apart; there is: {', '.join(LANGUAGES)}")
        return codes


def language(text: str, context: StepContext) -> str:
    """Return the text as it is.

    Raises:
        ItemError: it is in another language, or in none, having no letters.
        UsageError: languages of one script are to be told apart, and what does so is not installed.
    """
    only = context.options.only
    there = is_in(text, only)
    if there is None:
        raise ItemError("language: no letters")
    if not there:
        raise ItemError(f"language: not {' or '.join(only)}")
    return text
