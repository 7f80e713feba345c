"""Drawing the next token of several texts at once, each with options and noise of its own.

What an option means, and the order in which they apply, is that of transformers' logits processors. None of them
looks at another row, so a text is the same whatever is written beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor

from aigc_core import Noise

#: So many of the likeliest tokens are looked at first where the likeliest ones are wanted; seldom are more needed.
FEW = 128


class Choices(Protocol):
    """What a request can say of how tokens are chosen."""

    @property
    def top_k(self) -> int:
        """Draw from so many most likely tokens; 0: from all."""

    @property
    def min_p(self) -> float:
        """Draw from tokens that are at least so many times as likely as the most likely one; 0: from all."""

    @property
    def typical_p(self) -> float:
        """Draw from tokens about as surprising as the mean that have this probability together; 1: from all."""

    @property
    def repetition_penalty(self) -> float:
        """Divide the logits of tokens that were written before; 1: leave them."""


@dataclass(frozen=True, slots=True)
class Warper:
    """What the options of a request make of logits.

    Attributes:
        temperature: logits are divided by it; 0: the likeliest token is taken.
        top_k, top_p, min_p, typical_p, repetition_penalty: see ``Choices``; top_p 1 draws from all.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    typical_p: float = 1.0
    repetition_penalty: float = 1.0

    @classmethod
    def of(cls, options: Choices, temperature: float, top_p: float) -> Self:
        """Return the warper of a request whose temperature and nucleus are known."""
        return cls(temperature, options.top_k, top_p, options.min_p, options.typical_p, options.repetition_penalty)

    def __call__(self, logits: Tensor, written: Tensor | None) -> Tensor:
        """Return logits ``(B, V)`` as the options change them; what must not be drawn is ``-inf``.

        Args:
            written: which tokens each text has already, bool ``(B, V)``; needed for the penalty alone.
        """
        if self.repetition_penalty != 1 and written is not None:
            logits = penalised(logits, written, self.repetition_penalty)
        if self.temperature == 0:  # asks for the likeliest token, whatever else is set
            return logits
        if self.temperature != 1:  # from the largest down, or a very small one would make several infinite
            logits = (logits - logits.amax(dim=1, keepdim=True)) / self.temperature
        if self.top_k:
            logits = among_top_k(logits, self.top_k)
        if self.top_p < 1:
            logits = in_nucleus(logits, self.top_p)
        if self.min_p:
            logits = above_min_p(logits, self.min_p)
        if self.typical_p < 1:
            logits = typical(logits, self.typical_p)
        return logits


class Sampler:
    """Chooses tokens of ``B`` texts, row by row as their options say.

    Args:
        warpers: of each text.
        noises: a stream for each text, which gives one Gumbel number a token and step.
    """

    def __init__(self, warpers: Sequence[Warper], noises: Sequence[Noise]) -> None:
        self._warpers, self._noises = warpers, noises

    def choose(self, logits: Tensor, written: Tensor | None = None) -> Tensor:
        """Return the next token of each text, ``(B,)``: the largest of warped logits and Gumbel noise.

        That draws from the softmax of the logits (Gumbel 1954; Maddison et al. 2014, A* sampling, section 2).

        Args:
            logits: ``(B, V)``.
            written: which tokens each text has already, bool ``(B, V)``; needed for a repetition penalty alone.
        """
        return (self.warped(logits, written) + self.noise(logits.shape[1])).argmax(dim=1)

    def warped(self, logits: Tensor, written: Tensor | None) -> Tensor:
        """Return logits ``(B, V)`` as the options of each row change them."""
        if all(warper == self._warpers[0] for warper in self._warpers):
            return self._warpers[0](logits, written)
        rows = [slice(row, row + 1) for row in range(len(logits))]
        parts = [
            warper(logits[row], None if written is None else written[row])
            for warper, row in zip(self._warpers, rows, strict=True)
        ]
        return torch.cat(parts)

    def noise(self, size: int) -> Tensor:
        """Return the noise of each text ``(B, size)``, which advances; zeros where nothing is drawn."""
        noise = np.zeros((len(self._noises), size), np.float32)
        for row, (warper, stream) in enumerate(zip(self._warpers, self._noises, strict=True)):
            if warper.temperature > 0:
                noise[row] = stream.gumbel(size)
        return torch.from_numpy(noise)


def penalised(logits: Tensor, written: Tensor, penalty: float) -> Tensor:
    """Make what was written unlikelier: Keskar et al. 2019 (CTRL, arXiv 1909.05858), section 4.1."""
    return torch.where(written, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def among_top_k(logits: Tensor, k: int) -> Tensor:
    """Leave the k largest of each row: Fan et al. 2018 (arXiv 1805.04833), section 5.4."""
    least = logits.topk(min(k, logits.shape[1]), dim=1).values[:, -1:]
    return logits.masked_fill(logits < least, -torch.inf)


def in_nucleus(logits: Tensor, p: float) -> Tensor:
    """Leave the likeliest tokens that have `p` together: Holtzman et al. 2020 (arXiv 1904.09751), eq. 3."""
    total = logits.logsumexp(dim=1, keepdim=True)
    count = min(FEW, logits.shape[1])
    while True:
        ranked = logits.topk(count, dim=1).values  # (B, count)
        probability = (ranked - total).exp()
        before = probability.cumsum(dim=1) - probability  # of what is likelier; the likeliest of all always stays
        inside = before < p
        if count == logits.shape[1] or not bool(inside[:, -1].any()):
            break
        count = min(4 * count, logits.shape[1])
    least = ranked.gather(1, inside.sum(dim=1, keepdim=True) - 1)
    return logits.masked_fill(logits < least, -torch.inf)


def above_min_p(logits: Tensor, p: float) -> Tensor:
    """Leave what is at least `p` times as likely as the likeliest: Nguyen et al. 2024 (arXiv 2407.01082), section 3."""
    probability = logits.softmax(dim=1)
    return logits.masked_fill(probability < p * probability.amax(dim=1, keepdim=True), -torch.inf)


def typical(logits: Tensor, p: float) -> Tensor:
    """Leave the tokens nearest to the mean surprise that have `p` together: Meister et al. 2023, section 4.

    Locally typical sampling, arXiv 2202.00666.
    """
    surprise = -logits.log_softmax(dim=1)
    probability = (-surprise).exp()
    entropy = (surprise * probability).nansum(dim=1, keepdim=True)
    distance, tokens = (surprise - entropy).abs().sort(dim=1)
    reached = probability.gather(1, tokens).cumsum(dim=1) < p  # True up to the token that makes p full
    last = reached.sum(dim=1, keepdim=True).clamp_max(logits.shape[1] - 1)
    return logits.masked_fill((surprise - entropy).abs() > distance.gather(1, last), -torch.inf)
