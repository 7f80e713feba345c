"""One token at a time, as fast as a processor goes, and for each text the same numbers whoever is written beside it.

``nn.LSTM`` orders its weights anew at every call, which at one token a call is most of the work; and the sum of a
matrix product may be taken in another order when it has more rows. So weights are ordered once, and calls have
numbers of rows for which a row has been seen not to depend on the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from aigc_text.rnn.networks import LayerState, Recurrent, State

#: The rows of a call that is always right: the core's micro-batch. Others are taken where they give the same numbers.
ROWS = 16
OTHERS = (1, 2, 4, 8, 32, 64)


class Packed:
    """A linear map whose weights ``(out, in)`` lie as oneDNN wants them, where torch has it.

    The operator is the one that torch's own compiler calls when it freezes a linear layer.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.bias = bias.contiguous()
        self.ordered = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight) if self.ordered else weight.contiguous()

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return ``(R, out)`` of inputs ``(R, in)``."""
        if not self.ordered:
            return linear(inputs, self.weight, self.bias)
        outputs: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, self.weight, self.bias, "none", [], "")
        return outputs


class Stepper:
    """A trained network, ready to read and write token by token.

    Args:
        network: float32, on the CPU; its weights must not change afterwards.

    Attributes:
        sizes: the numbers of rows that a call may have, ascending.
    """

    def __init__(self, network: Recurrent) -> None:
        with torch.no_grad():
            self.network = network
            self.embedding = network.embed.weight.detach()
            self._layers = [_gates(layer, network.cell) for layer in network.layers]
            self._project = None
            if network.hidden != network.embed.embedding_dim:
                weight: Any = network.project.weight
                self._project = Packed(weight, weight.new_zeros(len(weight)))
            self._head = Packed(self.embedding, network.bias.detach())
        self.sizes = self._sizes()

    def begun(self, conditions: Tensor | None, rows: int) -> tuple[State, Tensor | None]:
        """Return the state at the beginning of `rows` texts, and what is added to each embedded token.

        Args:
            conditions: labels ``(B,)`` or vectors ``(B, D)``; the first is repeated up to `rows`.
        """
        if conditions is not None:
            filled = conditions[:1].expand(rows - len(conditions), *conditions.shape[1:])
            conditions = torch.cat([conditions, filled])
            # A row at a time: there are few, and so no row depends on how many there are.
            codes = [self.network.code(each[None]) for each in conditions]
            states = [self.network.begun(1, code) for code in codes]
            joined = tuple(tuple(map(torch.cat, zip(*layer, strict=True))) for layer in zip(*states, strict=True))
            return joined, torch.cat([code for code in codes if code is not None])
        return self.network.begun(rows, None), None

    def read(self, tokens: Tensor, state: State, code: Tensor | None) -> tuple[Tensor, State]:
        """Read a token of each text ``(R,)``; return the last layer's outputs ``(R, H)`` and the state after it."""
        inputs = self.embedding[tokens]
        if code is not None:
            inputs = inputs + code
        after: list[LayerState] = []
        for gates, before in zip(self._layers, state, strict=True):
            joined = gates(torch.cat([inputs, before[0]], dim=1))
            after.append(_lstm(joined, before) if len(before) == 2 else _gru(joined, before))
            inputs = after[-1][0]
        return inputs, tuple(after)

    def logits(self, outputs: Tensor) -> Tensor:
        """Return the logits ``(R, V)`` of what ``read`` gave."""
        return self._head(outputs if self._project is None else self._project(outputs))

    def size_for(self, texts: int) -> int:
        """Return how many rows a call for so many texts has; where they are too many for one, the most there are."""
        return next((size for size in self.sizes if size >= texts), self.sizes[-1])

    def _sizes(self) -> tuple[int, ...]:
        """Return the numbers of rows with which every row comes out as it does among `ROWS`, bit for bit.

        Which kernel multiplies is the processor's and the library's choice, so it is tried: with states as wild as
        those of a text, in which another order of summation shows in some of thousands of sums.
        """
        generator = torch.Generator().manual_seed(0)
        most = max(OTHERS)
        tokens = torch.randint(len(self.embedding), (most,), generator=generator)
        state = tuple(
            tuple(torch.randn(most, self.network.hidden, generator=generator) for _ in range(self.network.parts))
            for _ in self._layers
        )
        with one_thread(), torch.inference_mode():
            wanted = [self._tried(tokens, state, range(start, start + ROWS)) for start in range(0, most, ROWS)]
            reference = torch.cat(wanted)
            same = [size for size in OTHERS if torch.equal(self._tried(tokens, state, range(size)), reference[:size])]
        return tuple(sorted([*same, ROWS]))

    def _tried(self, tokens: Tensor, state: State, rows: Sequence[int]) -> Tensor:
        """Return all that comes of one step of some of the rows, side by side."""
        place = slice(rows[0], rows[-1] + 1)
        outputs, after = self.read(tokens[place], tuple(tuple(part[place] for part in layer) for layer in state), None)
        return torch.cat([self.logits(outputs), *(part for layer in after for part in layer)], dim=1)


def _gates(layer: torch.nn.Module, cell: str) -> Packed:
    """Return one map from input and hidden state, side by side, to all gates of a layer.

    An LSTM's are i, f, g, o. A GRU's are r, z, and the two parts of n, of which r weighs the second.
    """
    w_ih, w_hh, b_ih, b_hh = (
        getattr(layer, name).detach() for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    )
    if cell == "lstm":
        return Packed(torch.cat([w_ih, w_hh], dim=1), b_ih + b_hh)
    size = w_hh.shape[1]
    both, new = slice(0, 2 * size), slice(2 * size, 3 * size)
    weight = torch.cat(
        [
            torch.cat([w_ih[both], w_hh[both]], dim=1),
            torch.cat([w_ih[new], torch.zeros_like(w_hh[new])], dim=1),
            torch.cat([torch.zeros_like(w_ih[new]), w_hh[new]], dim=1),
        ]
    )
    return Packed(weight, torch.cat([b_ih[both] + b_hh[both], b_ih[new], b_hh[new]]))


def _lstm(gates: Tensor, state: LayerState) -> LayerState:
    i, f, g, o = gates.chunk(4, dim=1)
    cell = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell


def _gru(gates: Tensor, state: LayerState) -> LayerState:
    r, z, new, recalled = gates.chunk(4, dim=1)
    new = (new + r.sigmoid() * recalled).tanh()
    return (new + z.sigmoid() * (state[0] - new),)


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch to one thread: a step is too small to share, and how it is shared could show in the numbers."""
    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
