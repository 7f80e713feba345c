"""A moderation filter: content in, findings out. It never decides; the policy does."""

import re

from pydantic import BaseModel, Field

from aigc_core import FilterContext, Finding


class ShoutingOptions(BaseModel, extra="forbid"):
    """Set in ``[filters."hello/no-shouting"]`` of ``aigc.toml``."""

    words: int = Field(3, ge=1, le=100, description="how many words in capitals in a row are shouting")


def no_shouting(text: str, context: FilterContext) -> list[Finding]:
    """Find runs of words in capitals. One such word is no shouting: it may be NASA."""
    words = context.options.words
    capitals = r"\b[A-Z]+\b"
    shouted = re.compile(rf"{capitals}(?:[\s,.!?]+{capitals}){{{words - 1},}}", re.ASCII)
    return [
        Finding(
            category="shouting",
            score=0.9,  # from 0.5 on, a finding blocks
            reason=f"{words} words or more in capitals",
            span=found.span(),
            replacement=found[0].lower(),
        )
        for found in shouted.finditer(text)
    ]
