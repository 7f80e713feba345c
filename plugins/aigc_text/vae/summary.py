"""The decoder that writes a text about another one: it looks into the source, and takes words out of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, normalize

from aigc_core import DataShape
from aigc_text.tokenizer import Tokenizer
from aigc_text.vae.networks import Decoder, Reader, Writing
from aigc_text.vae.options import VaeConfig

#: How much a place draws, at the start of training, that goes on where the last token was found: e^4 is about 50 to 1.
FOLLOWING = 4.0


@dataclass(frozen=True, slots=True)
class Source:
    """A text that was read.

    Attributes:
        tokens: ``(B, S)``, padded.
        states: the reader's at each place, ``(B, S, outputs)``.
        keys: what places are found by, ``(B, S, hidden)``.
        before: the embedded token before each place, of length 1, ``(B, S, embedding)``.
    """

    tokens: Tensor
    states: Tensor
    keys: Tensor
    before: Tensor


@dataclass(frozen=True, slots=True)
class Summarising(Writing):
    """Where a decoder is in its summaries, and the sources; see ``Source``."""

    tokens: Tensor
    states: Tensor
    keys: Tensor
    before: Tensor


class SummaryDecoder(Decoder):
    """A decoder with attention to a source (Luong et al. 2015, arXiv 1508.04025, section 3.1), and a pointer into it.

    With the probability ``1 - g`` the next token is one of the source, drawn by attention (See et al. 2017, arXiv
    1704.04368, eq. 8 and 9). A place is found by what the LSTM looks for there, and also by whether the token before
    it is the one that was written last: so a phrase that was begun can be copied to its end, which a few thousand
    summaries are too few to learn from nothing.
    """

    def __init__(self, config: VaeConfig, vocabulary: int, data: DataShape) -> None:
        super().__init__(config, vocabulary, data, more=config.condition_dim)
        self.reader = Reader(vocabulary, config.encoder_hidden, bidirectional=True, dropout=config.dropout)
        self.gist = nn.Linear(self.reader.outputs, config.condition_dim)
        self.keys = nn.Linear(self.reader.outputs, config.hidden, bias=False)
        self.combine = nn.Linear(config.hidden + self.reader.outputs, config.hidden)
        self.following = nn.Parameter(torch.tensor(FOLLOWING))
        self.generates = (
            nn.Linear(config.hidden + self.reader.outputs + config.embedding, 1) if config.copy_words else None
        )

    def read(self, tokens: Tensor) -> tuple[Source, Tensor]:
        """Read sources ``(B, S)``; return what attention needs of them, and their gist ``(B, condition_dim)``."""
        states, ends = self.reader(tokens)
        before = torch.cat([torch.full_like(tokens[:, :1], Tokenizer.bos), tokens[:, :-1]], dim=1)
        source = Source(tokens, states, self.keys(states), normalize(self.embed(before), dim=2))
        return source, self.gist(ends).tanh()

    def attend(self, states: Tensor, embedded: Tensor, source: Source) -> tuple[Tensor, Tensor]:
        """Return the weight of each place ``(B, T, S)``, and the mean of its states by them, ``(B, T, outputs)``.

        Args:
            states: the LSTM's before each token, ``(B, T, hidden)``.
            embedded: the tokens that led there, ``(B, T, embedding)``.
            source: what is looked into; one source may stand for all rows.
        """
        found = states @ source.keys.mT / math.sqrt(states.shape[2])  # (B, T, S)
        follows = normalize(embedded, dim=2) @ source.before.mT
        scores = (found + self.following * follows).float()
        weights = scores.masked_fill((source.tokens == Tokenizer.pad)[:, None], -torch.inf).softmax(dim=2)
        return weights, weights.to(source.states.dtype) @ source.states

    def forward(
        self,
        tokens: Tensor,
        latent: Tensor,
        condition: Tensor | None = None,
        source: Tensor | None = None,
        seen: Tensor | None = None,
    ) -> Tensor:
        """Return ``log p`` of each token given those before, the latent and the source ``(B, S)``; see ``Decoder``.

        The source of one text may stand for all: ``(1, S)``.
        """
        assert source is not None
        read, gist = self.read(source)
        given = torch.cat([self.condition(latent, condition), gist.expand(len(latent), -1)], dim=1)
        states, embedded = self.read_along(tokens, given, seen)
        weights, context = self.attend(states, embedded, read)
        there = tokens != Tokenizer.pad
        state, seen_there, wanted = states[there], context[there], tokens[there]
        log_p = log_softmax(self._logits(state, seen_there).float(), dim=1).gather(1, wanted[:, None])[:, 0]
        if self.generates is not None:
            gate = self._gate(state, seen_there, embedded[there])
            matches = tokens[:, :, None] == source[:, None]  # (B, T, S)
            copied = (weights * matches).sum(dim=2)[there]
            log_p = torch.log(gate * log_p.exp() + (1 - gate) * copied + 1e-12)
        return torch.zeros(tokens.shape, device=tokens.device).masked_scatter(there, log_p)

    def _logits(self, states: Tensor, context: Tensor) -> Tensor:
        """Return logits of the vocabulary after states ``(N, hidden)`` with what attention found, ``(N, outputs)``."""
        return self.logits(self.dropout(self.combine(torch.cat([states, context], dim=1)).tanh()))

    def _gate(self, states: Tensor, context: Tensor, embedded: Tensor) -> Tensor:
        """Return the probability that the next token is not copied, ``(N,)``."""
        assert self.generates is not None
        gate: Tensor = self.generates(torch.cat([states, context, embedded], dim=1)).float().sigmoid()
        return gate[:, 0]

    def begin(self, latent: Tensor, condition: Tensor | None = None, source: Tensor | None = None) -> Summarising:
        """Return the place before the first token of summaries of sources ``(B, S)``."""
        assert source is not None
        read, gist = self.read(source)
        place = self.before(torch.cat([self.condition(latent, condition), gist], dim=1))
        return Summarising(place.given, place.hidden, place.cell, read.tokens, read.states, read.keys, read.before)

    def step(self, tokens: Tensor, writing: Writing) -> tuple[Tensor, Writing]:
        """Return ``log p`` ``(B, vocabulary)`` of what follows one more token ``(B,)``, and the place after it."""
        embedded = self.embed(tokens)
        place = cast(Summarising, self.advance(embedded, writing))
        source = Source(place.tokens, place.states, place.keys, place.before)
        weights, context = self.attend(place.hidden[:, None], embedded[:, None], source)
        probability = self._logits(place.hidden, context[:, 0]).softmax(dim=1)
        if self.generates is not None:
            gate = self._gate(place.hidden, context[:, 0], embedded)[:, None]
            probability = (gate * probability).scatter_add(1, place.tokens, (1 - gate) * weights[:, 0])
        return torch.log(probability + 1e-12), place
