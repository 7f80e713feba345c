"""Texts as a language model learns them: rows of tokens, and which of them it is to learn to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aigc_core import Batch, DataShape, TextData, UsageError

#: What fills up rows in a `Batch`: no token, so nothing that could be mistaken for one.
NOTHING = -100


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens of one example; the first `given` of them are read and not learnt."""

    tokens: tuple[int, ...]
    given: int = 1


class Rows:
    """Rows in memory, as the training loop takes them.

    ``Batch.data`` holds the tokens ``(B, T)``, and ``Batch.source`` how many of each row are given ``(B, 1)``.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.described = DataShape((max(len(row.tokens) for row in rows),))

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indices: NDArray[np.int64]) -> Batch:
        """Return rows filled up to the longest of them."""
        rows = [self.rows[index] for index in indices]
        data = torch.full((len(rows), max(len(row.tokens) for row in rows)), NOTHING)
        for place, row in enumerate(rows):
            data[place, : len(row.tokens)] = torch.tensor(row.tokens)
        return Batch(data, source=torch.tensor([[row.given] for row in rows]))


def documents(texts: TextData, tokenizer: Any, longest: int, start: int, end: int) -> Rows:
    """Return whole texts as rows; one that is too long is parted, each part going on where the last one ended.

    Raises:
        UsageError: there is nothing to learn from, or the texts have labels or vectors.
    """
    _check(texts)
    rows = []
    for text in texts.texts:
        tokens = [start, *_plain(tokenizer, text), end]
        if len(tokens) > 2:
            # Parts overlap by one token: what is the last of one is given to the next.
            rows += [Row(tuple(tokens[at : at + longest])) for at in range(0, len(tokens) - 1, longest - 1)]
    if not rows:
        raise UsageError("there is no text to learn from", hint="give a file with a text a line")
    return Rows(rows)


def pairs(texts: TextData, tokenizer: Any, longest: int, end: int, asked: Callable[[str], str]) -> Rows:
    """Return pairs as rows: what is asked is given, the answer is learnt; a source that is too long loses its end.

    Args:
        asked: makes the words that the model reads of a source.
    """
    _check(texts)
    assert texts.sources is not None
    rows = []
    for source, target in zip(texts.sources, texts.texts, strict=True):
        answer = [*_plain(tokenizer, target), end][: longest - 1]
        given = _plain(tokenizer, asked(source))
        if len(given) + len(answer) > longest:
            given = _shortened(source, tokenizer, longest - len(answer), asked)
        rows.append(Row((*given, *answer), len(given)))
    return Rows(rows)


def _shortened(source: str, tokenizer: Any, room: int, asked: Callable[[str], str]) -> list[int]:
    """Return what is asked about the beginning of a source, in at most `room` tokens: by halving what is kept of it."""
    low, high = 0, len(source)
    while low < high:
        middle = (low + high + 1) // 2
        fits = len(_plain(tokenizer, asked(source[:middle]))) <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    found = _plain(tokenizer, asked(source[:low]))
    if len(found) > room:
        raise UsageError("answers leave no room for what was asked", hint="set longest to more tokens")
    return found


def _check(texts: TextData) -> None:
    if texts.labels is not None or texts.vectors is not None:
        raise UsageError(
            "text/causal-lm learns texts, or pairs of texts, without labels or vectors", hint="name a column: text=…"
        )


def _plain(tokenizer: Any, text: str) -> list[int]:
    tokens: list[int] = tokenizer(text, add_special_tokens=False).input_ids
    return tokens
