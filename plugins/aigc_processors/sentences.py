"""The step whole-sentences: cut off what was begun and not finished."""

from __future__ import annotations

import re

from pydantic import BaseModel, Field

from aigc_core import StepContext

# What may follow the stop and still belongs to the sentence: quotes and brackets that it closes.
_CLOSERS = r"[\"'”’»」』）)\]】》〉]*"
# Chinese stops need nothing after them; others a space, so that neither 3.14 nor example.com ends a sentence.
_END = re.compile(rf"(?:[。！？]+|(?<![.!?…])[.!?…]++(?={_CLOSERS}(?:\s|$))){_CLOSERS}")
# A sentence goes on after a title, and after an initial that follows a name …
_GOES_ON = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Rev|Hon|Gen|Capt|Sgt|Lt|Col|St|Fig|Figs|Eq|Vol|Nos|vs|cf|e\.g|i\.e|approx)"
    r"|(?:^|\b[A-Z][\w.]*\s)[A-Z])\.$"
)
# … and it may, after these.
_MAY_GO_ON = re.compile(r"\b(?:a\.m|p\.m|etc|al|Inc|Ltd|Co|Corp|Jr|Sr|U\.S|U\.K|\.\.|…)\.?$")
_PAIRS = dict(zip("“‘«「『（([【《〈", "”’»」』）)]】》〉", strict=True))


class WholeSentencesOptions(BaseModel, extra="forbid", frozen=True):
    """What happens to quotes and brackets that the cut leaves open."""

    close: bool = Field(True, description="close quotes and brackets that are left open")


def whole_sentences(text: str, context: StepContext) -> str:
    """Return the text up to its last whole sentence, or as it is where it has none; how much was cut is recorded."""
    ends = [match.end() for match in _END.finditer(text) if not _goes_on(text, match.end())]
    if not ends:
        return text
    kept = text[: ends[-1]]
    if dropped := len(text.rstrip()) - len(kept):
        context.record("dropped", dropped)
    return kept + _unclosed(kept) if context.options.close else kept


def _goes_on(text: str, end: int) -> bool:
    """Say whether the stop before `end` belongs to an abbreviation within a sentence."""
    before, after = text[max(0, end - 24) : end], text[end:].lstrip()[:1]
    return bool(_GOES_ON.search(before) or (after.islower() and _MAY_GO_ON.search(before)))


def _unclosed(text: str) -> str:
    """Return what closes the quotes and brackets that are open at the end of a text, innermost first."""
    awaited: list[str] = []
    for place, character in enumerate(text):
        apostrophe = character == "’" and text[place - 1 : place].isalpha() and text[place + 1 : place + 2].isalpha()
        if character in awaited and not apostrophe:
            # What was opened within it and never closed is not waited for any more.
            del awaited[len(awaited) - 1 - awaited[::-1].index(character) :]
        elif character == '"':
            awaited.append(character)
        elif character in _PAIRS:
            awaited.append(_PAIRS[character])
    return "".join(reversed(awaited))
