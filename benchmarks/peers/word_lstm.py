"""Peer: the word language model of pytorch/examples (``word_language_model/model.py``, ``main.py``, ``generate.py``).

https://github.com/pytorch/examples/tree/main/word_language_model

Kept: the network (embedding, ``nn.LSTM``, a linear decoder tied to the embedding, dropout between them, log-softmax),
float32; the loop of ``generate.py``, a token at a time with ``exp`` and ``torch.multinomial``; the loop of ``main.py``:
``batchify``, ``repackage_hidden``, clipping at 0.25, ``p.data.add_(p.grad, alpha=-lr)``, ``total_loss += loss.item()``.
Changed: sizes are arguments; several texts may be drawn at once, each row by its own draw. Left out: printing, the
evaluation after each epoch, and the division of the rate by four where it did not help.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

LEARNING_RATE = 20.0
CLIP = 0.25


class RNNModel(nn.Module):
    """The script's network with LSTM layers and tied weights."""

    def __init__(self, ntoken: int, ninp: int, nhid: int, nlayers: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.ntoken = ntoken
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = nn.LSTM(ninp, nhid, nlayers, dropout=dropout)
        self.decoder = nn.Linear(nhid, ntoken)
        self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        self.nhid = nhid
        self.nlayers = nlayers

    def forward(self, inputs: Tensor, hidden: Any) -> tuple[Tensor, Any]:
        emb = self.drop(self.encoder(inputs))
        output, hidden = self.rnn(emb, hidden)
        output = self.drop(output)
        decoded = self.decoder(output)
        decoded = decoded.view(-1, self.ntoken)
        return torch.log_softmax(decoded, dim=1), hidden

    def init_hidden(self, bsz: int) -> tuple[Tensor, Tensor]:
        weight = next(self.parameters())
        return weight.new_zeros(self.nlayers, bsz, self.nhid), weight.new_zeros(self.nlayers, bsz, self.nhid)


def generate(model: RNNModel, batch: int, words: int, temperature: float = 1.0) -> Tensor:
    """Draw `words` tokens of `batch` texts, ``(words, batch)``."""
    model.eval()
    hidden = model.init_hidden(batch)
    inputs = torch.randint(model.ntoken, (1, batch), dtype=torch.long)
    found = []
    with torch.no_grad():
        for _ in range(words):
            output, hidden = model(inputs, hidden)
            word_weights = output.div(temperature).exp()
            inputs = torch.multinomial(word_weights, 1).t()
            found.append(inputs)
    return torch.cat(found)


def batchify(data: Tensor, bsz: int) -> Tensor:
    """Cut one long text ``(N,)`` into columns ``(N // bsz, bsz)``."""
    nbatch = data.size(0) // bsz
    return data.narrow(0, 0, nbatch * bsz).view(bsz, -1).t().contiguous()


def train(model: RNNModel, data: Tensor, steps: int, on_step: Callable[[], None], *, batch: int, bptt: int) -> None:
    """Take `steps` steps over a text ``(N,)``, as the loop of ``main.py`` does, epoch after epoch."""
    model.train()
    train_data = batchify(data, batch)
    criterion = nn.NLLLoss()
    total_loss, taken = 0.0, 0
    while True:
        hidden = model.init_hidden(batch)
        for i in range(0, train_data.size(0) - 1, bptt):
            seq_len = min(bptt, len(train_data) - 1 - i)
            inputs, targets = train_data[i : i + seq_len], train_data[i + 1 : i + 1 + seq_len].view(-1)
            model.zero_grad()
            hidden = tuple(part.detach() for part in hidden)
            output, hidden = model(inputs, hidden)
            loss = criterion(output, targets)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            for p in model.parameters():
                p.data.add_(p.grad, alpha=-LEARNING_RATE)
            total_loss += loss.item()
            assert math.isfinite(total_loss)
            taken += 1
            on_step()
            if taken == steps:
                return
