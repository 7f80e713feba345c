"""Beam search: the likeliest of the texts that a decoder may write, as far as a few are followed at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from aigc_text.tokenizer import Tokenizer
from aigc_text.vae.networks import Decoder, Writing


@dataclass(frozen=True, slots=True)
class Beams:
    """How a search is done.

    Attributes:
        width: texts that are followed at a time, for each that is asked for; 1 is greedy.
        limit: tokens that a text may have, the end included.
        no_repeat: no run of so many tokens twice in a text; 0: any (Paulus et al. 2017, arXiv 1705.04304, section 2.5).
    """

    width: int
    limit: int
    no_repeat: int = 0

    def search(self, decoder: Decoder, writing: Writing) -> list[tuple[list[int], float]]:
        """Return for each of the B texts of `writing` its tokens, and the mean of their ``log p`` in nats.

        Texts are compared by that mean, finished ones and others (Wu et al. 2016, arXiv 1609.08144, eq. 14 with α = 1
        and no constant). The beams of a text are rows next to each other: the shape stays ``(B * width, …)``.
        """
        texts, width = len(writing.hidden), self.width
        writing = writing.rows(torch.arange(texts).repeat_interleave(width))
        first = torch.arange(texts)[:, None] * width  # (B, 1): row of each text's first beam
        tokens = torch.full((texts * width,), Tokenizer.bos)
        written = torch.empty((texts * width, 0), dtype=torch.long)
        ended = torch.zeros(texts * width, dtype=torch.bool)
        count = torch.zeros(texts * width)
        # All beams of a text begin alike: only the first may go on, or they would stay alike.
        total = torch.full((texts, width), -torch.inf)
        total[:, 0] = 0
        for _ in range(self.limit):
            logits, writing = decoder.step(tokens, writing)
            log_p = allowed(logits).log_softmax(dim=1)
            forbid_repeats(log_p, written.tolist(), [self.no_repeat] * len(log_p))
            log_p[ended] = -torch.inf  # what has ended goes on with nothing, which costs nothing
            log_p[ended, Tokenizer.pad] = 0
            count = count + ~ended
            sums = total[:, :, None] + log_p.view(texts, width, -1)  # (B, width, V)
            means = (sums / count.view(texts, width, 1)).flatten(1)
            best = means.topk(width, dim=1).indices  # (B, width)
            total = sums.flatten(1).gather(1, best)
            rows = (first + best // log_p.shape[1]).flatten()
            tokens = (best % log_p.shape[1]).flatten()
            writing, count = writing.rows(rows), count[rows]
            written = torch.cat([written[rows], tokens[:, None]], dim=1)
            ended = ended[rows] | (tokens == Tokenizer.eos)
            if bool(ended.all()):
                break
        return [
            (written[row][: int(count[row])].tolist(), (total.flatten()[row] / count[row]).item())
            for row in first[:, 0].tolist()
        ]


def allowed(logits: Tensor) -> Tensor:
    """Return logits ``(B, V)`` without those of tokens that stand in no text."""
    logits = logits.clone()
    logits[:, [Tokenizer.pad, Tokenizer.bos]] = -torch.inf
    return logits


def forbid_repeats(logits: Tensor, written: Sequence[Sequence[int]], sizes: Sequence[int]) -> None:
    """Put ``-inf`` where a token of ``(B, V)`` would end a run of so many tokens that its text already has; 0: any."""
    for row, (tokens, size) in enumerate(zip(written, sizes, strict=True)):
        starts = range(len(tokens) - size + 1) if size else ()
        last = tokens[len(tokens) - size + 1 :]
        banned = [tokens[start + size - 1] for start in starts if tokens[start : start + size - 1] == last]
        logits[row, banned] = -torch.inf
