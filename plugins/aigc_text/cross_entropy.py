"""The cross entropy of a layer over a vocabulary, without all logits at once.

Logits of thousands of tokens over thousands of words are the largest thing in a language model, and what is done to
them costs more than what makes them where they do not fit into a processor's cache. So rows are taken a few at a time:
logits, loss and gradient one after the other, of which the gradient alone is kept. See Wijmans et al. 2024 (Cut your
losses in large-vocabulary language models, arXiv 2411.09009).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear, log_softmax

#: Rows that are taken at a time.
ROWS = 256


def linear_cross_entropy(inputs: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """Return ``mean(-log softmax(inputs weight^T + bias)[target])``, a float32 scalar.

    Args:
        inputs: ``(N, E)``; what is multiplied is multiplied in their precision.
        weight: ``(V, E)``.
        bias: ``(V,)``.
        targets: int64 ``(N,)``.
    """
    found: Tensor = _LinearCrossEntropy.apply(inputs, weight.to(inputs.dtype), bias, targets)  # type: ignore[no-untyped-call]
    return found


class _LinearCrossEntropy(torch.autograd.Function):
    """``∂loss/∂logits = softmax(logits) - onehot(target)``, over the number of rows."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
        gradients = inputs.new_empty(len(inputs), len(weight))
        total = torch.zeros((), device=inputs.device)
        shift = bias.to(inputs.dtype)
        for start in range(0, len(inputs), ROWS):
            part = slice(start, start + ROWS)
            log_p = log_softmax(linear(inputs[part], weight, shift), dim=1, dtype=torch.float32)  # (ROWS, V)
            target = targets[part, None]
            total -= log_p.gather(1, target).sum()
            gradients[part] = log_p.exp_().scatter_add_(1, target, log_p.new_full(target.shape, -1))
        ctx.save_for_backward(inputs, weight, gradients)
        return total / len(inputs)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        inputs, weight, gradients = ctx.saved_tensors
        scale = outer[0] / len(inputs)
        of_bias = gradients.sum(dim=0, dtype=torch.float32) * scale
        return (gradients @ weight) * scale, (gradients.t() @ inputs) * scale, of_bias, None
