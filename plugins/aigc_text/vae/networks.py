"""The networks of ``text/vae``: LSTMs that read a text, and one that writes it (Hochreiter & Schmidhuber 1997)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from aigc_core import DataShape
from aigc_text.tokenizer import Tokenizer
from aigc_text.vae.collapse import HeldSpread
from aigc_text.vae.options import VaeConfig

#: Standard deviation of embedded tokens at the start; as these are also the output layer, the first logits are small.
SPREAD = 0.1


def lstm(inputs: int, hidden: int) -> nn.LSTM:
    """Return an LSTM that forgets nothing at first: Jozefowicz et al. 2015 (An empirical exploration), section 2.2."""
    layer = nn.LSTM(inputs, hidden, batch_first=True)
    with torch.no_grad():
        layer.all_weights[0][2][hidden : 2 * hidden] += 1  # gates stand in the order input, forget, new, output
    return layer


def lengths(tokens: Tensor) -> Tensor:
    """Return how many tokens each row of padded ``(B, T)`` has, ``(B,)``."""
    return (tokens != Tokenizer.pad).sum(dim=1)


def mirrored(values: Tensor, count: Tensor) -> Tensor:
    """Return ``(B, T, D)`` with the first `count` places of each row in reverse order, and the rest as they are."""
    places = torch.arange(values.shape[1], device=values.device)[None]  # (1, T)
    sources = torch.where(places < count[:, None], count[:, None] - 1 - places, places)  # (B, T)
    return values.gather(1, sources[:, :, None].expand_as(values))


class Reader(nn.Module):
    """Reads texts ``(B, T)`` from one end or both: states ``(B, T, outputs)``, and those at the ends ``(B, outputs)``.

    The way back is an LSTM of its own over mirrored rows: so padded rows need no packing, which costs three times as
    much on a CPU.
    """

    def __init__(self, vocabulary: int, hidden: int, *, bidirectional: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, hidden)
        self.dropout = nn.Dropout(dropout)
        self.forth = lstm(hidden, hidden)
        self.back = lstm(hidden, hidden) if bidirectional else None
        self.outputs = 2 * hidden if bidirectional else hidden

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        count = lengths(tokens)
        embedded = self.dropout(self.embed(tokens))  # (B, T, hidden)
        states, _ = self.forth(embedded)
        ends = states[torch.arange(len(tokens), device=tokens.device), count - 1]
        if self.back is None:
            return states, ends
        back = mirrored(self.back(mirrored(embedded, count))[0], count)
        return torch.cat([states, back], dim=2), torch.cat([ends, back[:, 0]], dim=1)


class Conditioner(nn.Module):
    """Labels ``(B,)`` or vectors ``(B, D)`` to ``(B, outputs)``; where the data has neither, to nothing."""

    def __init__(self, data: DataShape, dim: int) -> None:
        super().__init__()
        self.layer: nn.Module | None = None
        if data.vector:
            self.layer = nn.Linear(data.vector, dim)
        elif data.labels:
            self.layer = nn.Embedding(len(data.labels), dim)
        self.outputs = dim if self.layer else 0

    def forward(self, values: Tensor, condition: Tensor | None) -> Tensor:
        """Return `values` ``(B, N)`` with the condition beside them, ``(B, N + outputs)``."""
        return values if self.layer is None else torch.cat([values, self.layer(condition)], dim=1)


class Encoder(nn.Module):
    """Texts ``(B, T)`` to mean and log variance of the latents that they may come from, ``(B, latent_dim)`` each."""

    def __init__(self, config: VaeConfig, vocabulary: int, data: DataShape) -> None:
        super().__init__()
        self.reader = Reader(vocabulary, config.encoder_hidden, bidirectional=config.bidirectional)
        self.condition = Conditioner(data, config.condition_dim)
        inputs = self.reader.outputs + self.condition.outputs
        self.mean = nn.Linear(inputs, config.latent_dim)
        self.log_variance = nn.Linear(inputs, config.latent_dim)
        self.spread = HeldSpread(config.latent_dim, config.gamma) if config.gamma else None

    def forward(self, tokens: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.free(tokens, condition)
        return mean if self.spread is None else self.spread(mean), log_variance

    def free(self, tokens: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return mean and log variance before the spread of the means is held."""
        read = self.condition(self.reader(tokens)[1], condition)
        # What is made of them wants float32, whatever the networks compute in.
        return self.mean(read).float(), self.log_variance(read).float()


@dataclass(frozen=True, slots=True)
class Writing:
    """Where a decoder is in its texts.

    Attributes:
        given: what the latent gives to the LSTM's gates at each step, ``(B, 4 * hidden)``.
        hidden, cell: the LSTM's state, ``(B, hidden)`` each.
    """

    given: Tensor
    hidden: Tensor
    cell: Tensor

    def rows(self, places: Tensor) -> Self:
        """Return the same of the texts at `places`, in that order."""
        return replace(self, **{each.name: getattr(self, each.name)[places] for each in fields(self)})


Place = TypeVar("Place", bound=Writing)


class Decoder(nn.Module):
    """Writes texts from latents: an LSTM that gets the latent as its initial state and again at every step.

    The embedding is the output layer, too (Press & Wolf 2017, arXiv 1608.05859).

    Args:
        config: its sizes; with ``latent_dim = 0`` it is a language model.
        vocabulary: tokens there are.
        data: what it is conditioned by.
        more: numbers that it is given beside latent and condition.
    """

    def __init__(self, config: VaeConfig, vocabulary: int, data: DataShape, more: int = 0) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, config.embedding)
        nn.init.normal_(self.embed.weight, std=SPREAD)
        self.condition = Conditioner(data, config.condition_dim)
        inputs = config.latent_dim + self.condition.outputs + more
        self.start = nn.Linear(inputs, 2 * config.hidden)
        self.lstm = lstm(config.embedding + inputs, config.hidden)
        self.narrow = nn.Linear(config.hidden, config.embedding)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        tokens: Tensor,
        latent: Tensor,
        condition: Tensor | None = None,
        source: Tensor | None = None,
        seen: Tensor | None = None,
    ) -> Tensor:
        """Return ``log p`` of each token given those before and the latent, ``(B, T)``, 0 at padding.

        Args:
            tokens: ``(B, T)``, padded.
            latent: ``(B, latent_dim)``.
            condition: labels ``(B,)`` or vectors ``(B, D)``, or None.
            source: texts to write about, ``(B, S)``; here there are none.
            seen: which of the tokens before may be looked at, bool ``(B, T)``; None: all.
        """
        states, _ = self.read_along(tokens, self.condition(latent, condition), seen)
        there = tokens != Tokenizer.pad
        logits = self.logits(self.dropout(states[there]))  # (all tokens, vocabulary): padding costs nothing
        log_p = log_softmax(logits.float(), dim=1).gather(1, tokens[there][:, None])[:, 0]
        return torch.zeros(tokens.shape, device=tokens.device).masked_scatter(there, log_p)

    def read_along(self, tokens: Tensor, given: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the LSTM's states before each token ``(B, T, hidden)``, and the embedded tokens that led there."""
        previous = torch.cat([torch.full_like(tokens[:, :1], Tokenizer.bos), tokens[:, :-1]], dim=1)
        embedded = self.dropout(self.embed(previous))  # (B, T, embedding)
        if seen is not None:
            embedded = embedded * seen[:, :, None]
        everywhere = given[:, None].expand(-1, tokens.shape[1], -1)
        start = tuple(half[None].contiguous() for half in self.start(given).tanh().chunk(2, dim=1))
        return self.lstm(torch.cat([embedded, everywhere.to(embedded.dtype)], dim=2), start)[0], embedded

    def logits(self, states: Tensor) -> Tensor:
        """Return logits ``(N, vocabulary)`` of the next token after states ``(N, hidden)``."""
        logits: Tensor = self.narrow(states) @ self.embed.weight.T + self.bias
        return logits

    def begin(self, latent: Tensor, condition: Tensor | None = None, source: Tensor | None = None) -> Writing:
        """Return the place before the first token of texts from latents ``(B, latent_dim)``; see ``forward``."""
        return self.before(self.condition(latent, condition))

    def before(self, given: Tensor) -> Writing:
        """Return the place before the first token of texts of which `given` is known at every step."""
        hidden, cell = self.start(given).tanh().chunk(2, dim=1)
        from_inputs, _, *biases = self.lstm.all_weights[0]
        return Writing(given @ from_inputs[:, self.embed.embedding_dim :].T + sum(biases), hidden, cell)

    def step(self, tokens: Tensor, writing: Writing) -> tuple[Tensor, Writing]:
        """Return logits ``(B, vocabulary)`` of what follows one more token ``(B,)``, and the place after it."""
        writing = self.advance(self.embed(tokens), writing)
        return self.logits(writing.hidden), writing

    def advance(self, embedded: Tensor, writing: Place) -> Place:
        """Return the place after one more token, embedded ``(B, embedding)``.

        A step of ``nn.LSTM`` written out: that one orders its weights anew at every call, which takes longer than the
        step.
        """
        from_inputs, from_state, *_ = self.lstm.all_weights[0]
        gates = torch.addmm(writing.given, embedded, from_inputs[:, : embedded.shape[1]].T)
        gates = torch.addmm(gates, writing.hidden, from_state.T)
        enter, forget, new, leave = gates.chunk(4, dim=1)
        cell = forget.sigmoid() * writing.cell + enter.sigmoid() * new.tanh()
        return replace(writing, hidden=leave.sigmoid() * cell.tanh(), cell=cell)
