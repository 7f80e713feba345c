"""From tokens to text while it is being written: what is whole, what may yet be taken back, and where it stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: How many tokens of the prompt are decoded with what follows them. A token may look different at the start of a
#: text (SentencePiece drops its space there), and half a character may stand at the seam.
TAIL = 6
HALF = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Written:
    """A text so far.

    Attributes:
        text: up to where it stops; half a character at its end is left out.
        settled: what of it will not change: no half character, no beginning of a stop string at its end.
        stopped: whether a stop string was met.
    """

    text: str
    settled: str
    stopped: bool


class Reader:
    """Reads the tokens that a model writes after a prompt.

    Args:
        tokenizer: of the checkpoint.
        prompt: the tokens before, or none where the text stands by itself.
        stops: the text ends before the first place where one of them begins.
    """

    def __init__(self, tokenizer: Any, prompt: Sequence[int], stops: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._tail = list(prompt[-TAIL:])
        self._before = self._decoded(self._tail)
        self._stops = tuple(stops)

    def read(self, tokens: Sequence[int]) -> Written:
        """Return the text of `tokens`."""
        whole = self._decoded([*self._tail, *tokens])
        text = whole[len(self._before) :] if whole.startswith(self._before) else self._decoded(tokens)
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if places:
            return Written(text[: min(places)], text[: min(places)], stopped=True)
        sure = text.rstrip(HALF)
        held = max((_overlap(sure, stop) for stop in self._stops), default=0)
        return Written(sure, sure[: len(sure) - held], stopped=False)

    def _decoded(self, tokens: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the end of `text` are the beginning of `stop`, and not all of it."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
