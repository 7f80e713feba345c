"""A preprocessor: text in, text out."""

import re

from pydantic import BaseModel, Field

from aigc_core import StepContext


class EmphasiseOptions(BaseModel, extra="forbid"):
    """Given on the command line as ``--pre "hello/emphasise word=tiger weight=1.5"``."""

    word: str = Field(min_length=1, description="what to emphasise, wherever it stands in the prompt")
    weight: float = Field(1.2, ge=0.1, le=2.0, description="how much; 1 is as usual")


def emphasise(prompt: str, context: StepContext) -> str:
    """Write the word as ``(word:weight)``, as prompts of diffusion models have it."""
    word = re.escape(context.options.word)
    emphasised, count = re.subn(word, lambda found: f"({found[0]}:{context.options.weight:g})", prompt)
    context.record("emphasised", count)  # stands in the recipe of the picture
    return emphasised
