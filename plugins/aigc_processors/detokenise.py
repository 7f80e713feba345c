"""The step detokenise: from tokens with spaces between them to a text as people write it."""

from __future__ import annotations

import re

from pydantic import BaseModel, Field

from aigc_core import StepContext

_CJK = (
    r"\u2e80-\u2fdf\u3001-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    r"\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\U00020000-\U0003ffff"
)
_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # The Penn Treebank's way to write brackets and quotes.
        (r"-LRB-", "("),
        (r"-RRB-", ")"),
        (r"``|''", '"'),
        # Chinese and Japanese have no spaces, and what stands beside their punctuation has none either.
        (rf"(?<=[{_CJK}]) (?=[{_CJK}])", ""),
        (r" (?=[，。！？、；：”’」』）》…])|(?<=[，。！？、；：“‘「『（《]) ", ""),
        # Stops and closing brackets lean to the left; opening ones and signs of money to the right.
        (r" (?=[,.;:!?%)\]}]+(?:[\s\"'”’)\]}]|$))", ""),
        (r"(?<=[(\[{¿¡]) ", ""),
        (r"(?<![^\s(\[\"“])([$£€¥#]) (?=\d)", r"\1"),
        # Contractions: do n't, she 'll, the cat 's.
        (r"(?<=\w) (?=n['’]t\b)", ""),
        (r"(?<=\w) (?=['’](?:s|m|d|re|ve|ll|S|M|D|RE|VE|LL)\b)", ""),
    )
)
# The marks of Moses: "state @-@ of", and of many tokenizers: "state - of". A dash is "--", "–" or "—" to them.
_MOSES = re.compile(r" @([-/.,])@ ")
_HYPHEN = re.compile(r"(?<=[^\W\d_]) - (?=[^\W\d_])")
_QUOTE = re.compile(r"( ?)\"( ?)")


class DetokeniseOptions(BaseModel, extra="forbid", frozen=True):
    """What is put together besides punctuation."""

    hyphens: bool = Field(True, description="join words at a hyphen that stands between them: state - of - the - art")


def detokenise(text: str, context: StepContext) -> str:
    """Return the text without the spaces that a tokenizer put in. Doing it again changes nothing."""
    text = re.sub(r"[ \t]+", " ", text)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = _MOSES.sub(r"\1", text)
    if context.options.hyphens:
        text = _HYPHEN.sub("-", text)
    # A quote that opens in one line and never closes does not turn the next line's inside out.
    return "\n".join(_quoted(line) for line in text.split("\n"))


def _quoted(line: str) -> str:
    """Put plain quotes, which open and close in turn, next to what stands between them."""
    opening = False

    def placed(match: re.Match[str]) -> str:
        nonlocal opening
        opening = not opening
        before, after = match.groups()
        return f'{before}"' if opening else f'"{after}'

    return _QUOTE.sub(placed, line)
