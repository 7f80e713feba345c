"""The network of ``text/rnn``: embedding, LSTM or GRU layers, and the embedding again to recognise the next token.

LSTM: Hochreiter & Schmidhuber 1997. GRU: Cho et al. 2014 (arXiv 1406.1078). What keeps it from learning its texts by
heart is that of AWD-LSTM: Merity et al. 2017 (Regularizing and optimizing LSTM language models, arXiv 1708.02182).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear

from aigc_text.cross_entropy import linear_cross_entropy
from aigc_text.rnn import wide_lstm
from aigc_text.tokenizer import Tokenizer

Cell = Literal["lstm", "gru"]

#: What a layer hands from token to token, ``(B, H)`` each: hidden state and cell of an LSTM, hidden state of a GRU.
LayerState = tuple[Tensor, ...]
State = tuple[LayerState, ...]

#: Standard deviation of embeddings at the start. They are recognised by their dot product with what the layers say,
#: so it is also the scale of the first logits: near nothing, every token being as likely as any other.
SPREAD = 0.1


class Recurrent(nn.Module):
    """Reads tokens and says at each which one may follow.

    One matrix is both embedding and output layer (Press & Wolf 2017, arXiv 1608.05859), with a projection between
    where its width is not that of the layers. It is one parameter used twice, so weights hold it once.

    Args:
        vocabulary: how many tokens there are, V.
        cell: ``"lstm"`` or ``"gru"``.
        layers: how many.
        hidden: units of a layer, H.
        embedding: width of the embedding, E.
        classes: labels that a text may be conditioned by; 0: none.
        vector: length of the vector that a text is conditioned by; 0: none.
        dropout: share of inputs, of what goes between layers, and of outputs left out in training.
        weight_dropout: share of the hidden-to-hidden weights left out in training.
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        cell: Cell,
        layers: int,
        hidden: int,
        embedding: int,
        classes: int = 0,
        vector: int = 0,
        dropout: float = 0.0,
        weight_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.cell, self.hidden, self.dropout, self.weight_dropout = cell, hidden, dropout, weight_dropout
        self.embed = nn.Embedding(vocabulary, embedding)
        nn.init.normal_(self.embed.weight, std=SPREAD)
        kind = nn.LSTM if cell == "lstm" else nn.GRU
        self.layers = nn.ModuleList(kind(hidden if layer else embedding, hidden) for layer in range(layers))
        self.project = nn.Linear(hidden, embedding, bias=False) if hidden != embedding else nn.Identity()
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.condition: nn.Module | None = None
        if classes or vector:
            self.condition = nn.Embedding(classes, embedding) if classes else nn.Linear(vector, embedding)
            self.start = nn.Linear(embedding, layers * hidden * self.parts)
        if cell == "lstm":
            _remember(self.layers)

    @property
    def parts(self) -> int:
        """Tensors in the state of one layer."""
        return 2 if self.cell == "lstm" else 1

    def forward(
        self,
        tokens: Tensor,
        state: State | None = None,
        condition: Tensor | None = None,
        targets: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Return what follows each token, or how well it is foreseen, and the state after the last.

        Args:
            tokens: int64 ``(B, T)``.
            state: after the tokens before these; None at the beginning of a text.
            condition: labels int64 ``(B,)`` or vectors ``(B, vector)``, where it was built for any.
            targets: the tokens that do follow ``(B, T)``; padding does not count.

        Returns:
            Logits ``(B, T, V)``, or with targets the mean of their ``-log p`` in nats, float32; each layer's state.
        """
        code = self.code(condition)  # (B, E)
        inputs = self.inputs(tokens, code)  # (T, B, E)
        outputs, state = self.read(inputs, self.begun(len(tokens), code) if state is None else state)
        if targets is None:
            return self.logits(outputs.transpose(0, 1)), state
        real = targets.t() != Tokenizer.pad  # (T, B)
        recognised = self.project(outputs[real])  # (N, E)
        return linear_cross_entropy(recognised, self.embed.weight, self.bias, targets.t()[real]), state

    def code(self, condition: Tensor | None) -> Tensor | None:
        """Return what a condition adds to each embedded token, ``(B, E)``, or None."""
        if self.condition is None:
            return None
        code: Tensor = self.condition(condition)
        return code

    def begun(self, size: int, code: Tensor | None) -> State:
        """Return the state at the beginning of `size` texts: zeros, or what their conditions make of it."""
        if code is None:
            zeros = self.bias.new_zeros(size, self.hidden)
            return ((zeros,) * self.parts,) * len(self.layers)
        start = torch.tanh(self.start(code)).chunk(len(self.layers) * self.parts, dim=1)
        return tuple(start[layer * self.parts : (layer + 1) * self.parts] for layer in range(len(self.layers)))

    def inputs(self, tokens: Tensor, code: Tensor | None) -> Tensor:
        """Return embedded tokens ``(T, B, E)`` of tokens ``(B, T)``: time goes first, as the layers want it."""
        embedded: Tensor = self.embed(tokens.t())
        return embedded if code is None else embedded + code

    def read(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Run the layers over inputs ``(T, B, E)``; return outputs ``(T, B, H)`` and the state after the last."""
        outputs, after = self.locked(inputs), []
        for layer, before in zip(self.layers, state, strict=True):
            outputs, last = self._layer(layer, outputs, before)
            outputs = self.locked(outputs)
            after.append(last)
        return outputs, tuple(after)

    def _layer(self, layer: Any, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        # nn.LSTM and nn.GRU are called past their forward, which knows no weights but their own.
        weights = [layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0]
        weights[1] = dropout(weights[1], self.weight_dropout, self.training)  # Wan et al. 2013; Merity, section 2
        if len(inputs) == 1 and not torch.is_grad_enabled():
            return _one_step(inputs[0], state, weights)
        if self.cell == "lstm" and wide_lstm.pays(*state[0].shape):
            return wide_lstm.lstm(inputs, state, weights[0], weights[1], weights[2] + weights[3])
        how = (True, 1, 0.0, self.training, False, False)  # biases, one layer, no dropout, one way, time first
        if self.cell == "gru":
            outputs, hidden = torch.gru(inputs, state[0][None], weights, *how)
            return outputs, (hidden[0],)
        outputs, hidden, cell = torch.lstm(inputs, [part[None] for part in state], weights, *how)
        return outputs, (hidden[0], cell[0])

    def locked(self, inputs: Tensor) -> Tensor:
        """Leave the same numbers of a text out at every step, ``(T, B, F)``.

        Gal & Ghahramani 2016 (A theoretically grounded application of dropout in recurrent neural networks), section 4;
        Merity et al. 2017, section 4.2.
        """
        if not self.training or not self.dropout:
            return inputs
        return inputs * dropout(inputs.new_ones(1, *inputs.shape[1:]), self.dropout)

    def logits(self, outputs: Tensor) -> Tensor:
        """Return the logits ``(…, V)`` of outputs ``(…, H)``."""
        return linear(self.project(outputs), self.embed.weight, self.bias)


def _one_step(inputs: Tensor, state: LayerState, weights: Sequence[Tensor]) -> tuple[Tensor, LayerState]:
    """Read one token ``(B, F)``: oneDNN would order all weights anew for it, which takes four times as long."""
    if len(state) == 1:
        state = (torch.gru_cell(inputs, state[0], *weights),)
    else:
        state = torch.lstm_cell(inputs, state, *weights)
    return state[0][None], state


def _remember(layers: nn.ModuleList) -> None:
    """Let LSTM layers forget nothing at first: Jozefowicz et al. 2015 (An empirical exploration), section 2.2."""
    for layer in layers:
        bias: Any = layer.bias_ih_l0
        size = len(bias) // 4  # gates stand in the order i, f, g, o
        with torch.no_grad():
            bias[size : 2 * size] += 1
