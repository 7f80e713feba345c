"""A text being written token by token: what of it is whole, and where it stops."""

from __future__ import annotations

from collections.abc import Sequence

from aigc_text.tokenizer import Tokenizer


class Stream:
    """Puts tokens together to a text, and ends before the first of its stop strings.

    Args:
        tokenizer: knows the bytes of each token.
        stops: the text ends before the first place where one of them begins.
        limit: the text ends after so many tokens.

    Attributes:
        tokens: how many were taken, the end token included.
        ended: whether more would change nothing.
    """

    def __init__(self, tokenizer: Tokenizer, stops: Sequence[str], limit: int) -> None:
        self._tokenizer = tokenizer
        self._decoder = tokenizer.decoder()
        self._stops = tuple(stops)
        self._limit = limit
        self._text = ""
        self.tokens = 0
        self.ended = False

    def take(self, token: int) -> None:
        """Add a token to the text."""
        self.tokens += 1
        self._text += self._decoder.decode(self._tokenizer.pieces[token])
        places = [place for stop in self._stops if (place := self._text.find(stop)) >= 0]
        if places:
            self._text = self._text[: min(places)]
        self.ended = bool(places) or token == self._tokenizer.eos or self.tokens >= self._limit

    @property
    def text(self) -> str:
        """What was written, up to where it stops; half a character at its end is left out."""
        return self._text

    @property
    def pending(self) -> bytes:
        """The bytes of a character that is not whole yet."""
        return self._decoder.getstate()[0]

    @property
    def settled(self) -> str:
        """What will not be taken back: what may yet turn out to be the beginning of a stop string is held back."""
        if self.ended:
            return self._text
        held = max((_overlap(self._text, stop) for stop in self._stops), default=0)
        return self._text[: len(self._text) - held]


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the end of `text` are the beginning of `stop`, and not all of it."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
