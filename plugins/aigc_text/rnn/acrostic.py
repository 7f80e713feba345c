"""Acrostics (藏头诗): the lines of a text begin with given characters, one after the other.

Only the beginnings of lines are forced; where a line ends, and all the rest, is the model's. It is the bytes of tokens
that are looked at, so a character may be a token, several of them, or the first letter of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aigc_core import UsageError
from aigc_text.streaming import Stream
from aigc_text.tokenizer import Tokenizer

#: Marks that may follow the end of a line, and still belong to it.
CLOSING = " ”’」』）》\"')"
#: Tokens that the model may write between two lines, such as a line break after a full stop.
BETWEEN = 3

Mask = NDArray[np.bool_]


class Acrostic:
    """Says what may be written next, so that each of the next lines begins with one of the characters that are left.

    Args:
        characters: what lines begin with, one each; white space is left out. A letter may come in either case.
        line_ends: characters that end a line.
        prompt: what stands before; where it stops in the middle of a line, that line is written to its end first.
        tokenizer: knows the bytes of each token.
        limit: tokens of the text at most.

    Raises:
        UsageError: a character that the model cannot write, or more lines than there is room for.
    """

    def __init__(self, characters: str, line_ends: str, prompt: str, tokenizer: Tokenizer, limit: int) -> None:
        self._prompt, self._ends, self._limit = prompt, line_ends, limit
        self._pieces = tokenizer.pieces
        self._single = tokenizer.kind == "character"
        self._left = [_cases(character, tokenizer) for character in characters if not character.isspace()]
        self._between = 0
        self._forced = False
        if len(self._left) > 1 and not self._closing.any():
            raise UsageError(
                f"this model can write none of the characters {line_ends!r}, so no line of its would end",
                hint="say what ends a line: --set line_ends=…",
            )
        if self._needed > limit:
            raise UsageError(
                f"an acrostic of {len(self._left)} lines may need {self._needed} tokens, and {limit} are the most",
                hint="raise it: --set max_tokens=…",
            )

    @property
    def done(self) -> bool:
        """Whether every line has begun, and the rest of the text is free."""
        return not self._left

    @property
    def _needed(self) -> int:
        """Tokens that the shortest text of the lines that are left may need: an end of a line, a character, …"""
        return sum(1 + (1 if self._single else max(map(len, cases))) for cases in self._left)

    def allowed(self, stream: Stream, choice: int) -> Mask | None:
        """Return which tokens may come next, bool ``(V,)``; None where `choice`, the model's own, may stay.

        Args:
            stream: the text so far.
            choice: the token that comes if nothing is forced.
        """
        if self.done:
            return None
        spare = self._limit - stream.tokens - self._needed
        if not self._begins(stream):
            self._between = 0
            if spare <= 0:  # a line that would never end
                return self._closing
            return None if self._stays_in_line(stream.pending, self._pieces[choice]) else self._going_on(stream.pending)
        written = self._prompt + stream.text
        if written and spare > 0 and self._between < BETWEEN and self._parts(stream.pending, self._pieces[choice]):
            self._between += 1
            return None
        self._forced = True
        return self._where(lambda piece: self._begins_line(stream.pending + piece))

    def took(self, before: str, stream: Stream) -> None:
        """Be told that a token was taken, and what the text was `before`."""
        if self._forced and len(stream.text) > len(before):
            self._left.pop(0)
        self._forced = False

    def _begins(self, stream: Stream) -> bool:
        """Whether the next character is the first of a line."""
        written = (self._prompt + stream.text).rstrip(CLOSING)
        return not written or written[-1] in self._ends

    def _where(self, fits: Callable[[bytes], bool]) -> Mask:
        return np.array([bool(piece) and fits(piece) for piece in self._pieces])

    @cached_property
    def _closing(self) -> Mask:
        """Tokens that end a line."""
        return self._where(self._ends_line)

    @cached_property
    def _in_line(self) -> Mask:
        """Tokens that go on in a line, or end it, after whole characters."""
        return self._where(lambda piece: self._stays_in_line(b"", piece))

    def _going_on(self, pending: bytes) -> Mask:
        return self._where(lambda piece: self._stays_in_line(pending, piece)) if pending else self._in_line

    def _parts(self, pending: bytes, piece: bytes) -> bool:
        """Whether a token is nothing but what parts two lines."""
        text, rest = _split(pending + piece)
        return bool(text) and not rest and not text.strip(self._ends + CLOSING)

    def _ends_line(self, piece: bytes) -> bool:
        """Whether a token ends a line, and does no more."""
        return self._parts(b"", piece) and any(end in piece.decode() for end in self._ends)

    def _stays_in_line(self, pending: bytes, piece: bytes) -> bool:
        """Whether a token writes something, and nothing of the next line."""
        text, rest = _split(pending + piece)
        ends = [place for end in self._ends if (place := text.find(end)) >= 0]
        if not ends:
            return bool(piece)
        return not rest and not text[min(ends) :].strip(self._ends + CLOSING)

    def _begins_line(self, data: bytes) -> bool:
        """Whether bytes are the first of the next character, or begin with it and stay in its line."""
        return any(
            case.startswith(data)
            or (data.startswith(case) and (data == case or self._stays_in_line(b"", data[len(case) :])))
            for case in self._left[0]
        )


def _cases(character: str, tokenizer: Tokenizer) -> Sequence[bytes]:
    """Return the bytes of a character and of its other case, as far as the model knows them."""
    cases = dict.fromkeys((character, character.upper(), character.lower()))
    known = [case.encode() for case in cases if len(case) == 1 and tokenizer.knows(case)]
    if not known:
        tokenizer.encode(character)  # says which one is not known
    return known


def _split(data: bytes) -> tuple[str, bytes]:
    """Return the whole characters of bytes, and what may yet become one."""
    decoder = Tokenizer.decoder()
    return decoder.decode(data), decoder.getstate()[0]
