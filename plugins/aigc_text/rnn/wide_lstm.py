"""An LSTM layer for training wide ones in bfloat16, with its gradient written out.

oneDNN's own gradient of a bfloat16 LSTM takes no less time than in float32, and more where other programs fill the
caches. Here all that does not wait for the step before is three products of large matrices, as in Appleyard et al. 2016
(Optimizing performance of recurrent neural networks on GPUs, arXiv 1604.01946); of a step there is left one product
and what is done number by number. That pays where a step is large. Gates and cells are float32, so it is nearer to the
exact gradient as well.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

#: Numbers in the state of a batch, from which on it is faster: below, calling a dozen operators a step costs more.
WIDE = 16_384


def pays(rows: int, hidden: int) -> bool:
    """Whether a layer of so many units, with so many texts side by side, is trained faster here."""
    narrow = rows * hidden < WIDE or torch.compiler.is_compiling()
    if narrow or not torch.is_grad_enabled() or not torch.is_autocast_enabled("cpu"):
        return False
    return torch.get_autocast_dtype("cpu") == torch.bfloat16


def lstm(
    inputs: Tensor, state: tuple[Tensor, ...], w_ih: Tensor, w_hh: Tensor, bias: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return the hidden states of all steps ``(T, B, H)``, bfloat16, and hidden state and cell after the last.

    Args:
        inputs: ``(T, B, E)``.
        state: hidden state and cell before the first step, ``(B, H)`` each.
        w_ih, w_hh, bias: of the gates i, f, g, o: ``(4H, E)``, ``(4H, H)``, ``(4H,)``.
    """
    rounded = (tensor.to(torch.bfloat16) for tensor in (inputs, w_ih, w_hh, bias))
    with torch.autocast("cpu", enabled=False):
        outputs, hidden, cell = _Lstm.apply(*rounded, *(part.float() for part in state))  # type: ignore[no-untyped-call]
    return outputs, (hidden, cell)


class _Lstm(torch.autograd.Function):
    """Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000:

    ``a = W_ih x_t + W_hh h_{t-1} + b``; ``i, f, o = σ(a)``, ``g = tanh(a)``; ``c_t = f c_{t-1} + i g``;
    ``h_t = o tanh(c_t)``.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        steps, rows, size = len(inputs), *hidden.shape
        exact = torch.promote_types(inputs.dtype, torch.float32)
        of_inputs = linear(inputs.flatten(0, 1), w_ih, bias).view(steps, rows, 4 * size)
        gates = inputs.new_empty(steps, rows, 4, size, dtype=exact)
        hiddens = inputs.new_empty(steps + 1, rows, size)
        cells = inputs.new_empty(steps + 1, rows, size, dtype=exact)
        squashed = inputs.new_empty(steps, rows, size, dtype=exact)
        hiddens[0], cells[0] = hidden, cell
        recurrent = w_hh.t()
        for t in range(steps):
            a = gates[t]  # (B, 4, H)
            a.copy_(torch.addmm(of_inputs[t], hiddens[t], recurrent).view_as(a))
            a[:, :2].sigmoid_()
            a[:, 2].tanh_()
            a[:, 3].sigmoid_()
            i, f, g, o = a.unbind(1)
            torch.mul(f, cells[t], out=cells[t + 1]).addcmul_(i, g)
            torch.tanh(cells[t + 1], out=squashed[t])
            torch.mul(o, squashed[t], out=hiddens[t + 1])
        ctx.save_for_backward(inputs, w_ih, w_hh, gates, hiddens, cells, squashed)
        return hiddens[1:], hiddens[-1].to(exact), cells[-1].clone()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, ...]:
        inputs, w_ih, w_hh, gates, hiddens, cells, squashed = ctx.saved_tensors
        of_outputs, of_hidden, of_cell = outer
        of_gates = torch.empty_like(gates, dtype=inputs.dtype)  # (T, B, 4, H)
        for t in reversed(range(len(inputs))):
            i, f, g, o = gates[t].unbind(1)
            of_i, of_f, of_g, of_o = of_gates[t].unbind(1)
            of_hidden = of_hidden + of_outputs[t]
            of_cell = torch.addcmul(of_cell, of_hidden * o, 1 - squashed[t].square())
            torch.mul(of_cell * g, i - i.square(), out=of_i)
            torch.mul(of_cell * cells[t], f - f.square(), out=of_f)
            torch.mul(of_cell * i, 1 - g.square(), out=of_g)
            torch.mul(of_hidden * squashed[t], o - o.square(), out=of_o)
            of_cell = of_cell * f
            of_hidden = (of_gates[t].flatten(1) @ w_hh).to(gates.dtype)
        flat = of_gates.flatten(2).flatten(0, 1)  # (T * B, 4H)
        return (
            (flat @ w_ih).view_as(inputs),
            flat.t() @ inputs.flatten(0, 1),
            flat.t() @ hiddens[:-1].flatten(0, 1),
            flat.sum(dim=0),
            of_hidden,
            of_cell,
        )
