"""Linear layers with weights of eight bits, one scale a row; what they are multiplied with stays bfloat16.

A word at a time, a language model on a CPU waits for its weights: a quarter of the bytes is most of the time saved.
torch's own dynamic quantisation is as quick, but gives all activations of a call one scale, and the first token of a
text has some that are a thousand times larger than the others' (Sun et al. 2024, Massive activations in large language
models, arXiv 2402.17762): on SmolLM2-135M it cost 0.65 nats a token, and this nothing that could be measured.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

#: Up to so many rows torch's kernel for few rows is quicker than a product with the weights written out again.
FEW = 8


class Int8Linear(nn.Module):
    """A linear layer ``y = x Wᵀ + b`` with ``W ≈ scale · q``, ``q`` in -127 .. 127.

    Args:
        weight: ``(outputs, inputs)``.
        bias: ``(outputs,)``, or None.
    """

    quantised: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        exact = weight.detach().float()
        scale = exact.abs().amax(dim=1).clamp_min(1e-12) / 127
        self.register_buffer("quantised", (exact / scale[:, None]).round().to(torch.int8).contiguous())
        self.register_buffer("scale", scale.bfloat16())
        self.register_buffer("bias", None if bias is None else bias.detach().bfloat16())

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(..., outputs)`` bfloat16 of ``(..., inputs)``."""
        rows = x.reshape(-1, x.shape[-1]).bfloat16()
        if len(rows) <= FEW:
            made = torch._weight_int8pack_mm(rows, self.quantised, self.scale)
        else:
            made = linear(rows, self.quantised.bfloat16()) * self.scale
        if self.bias is not None:
            made = made + self.bias
        return made.view(*x.shape[:-1], -1)


def quantised(network: nn.Module) -> nn.Module:
    """Return `network` with its linear layers in int8, and all its other parameters in bfloat16.

    Buffers stay as they are: the angles of rotary positions are too fine for bfloat16.
    """
    from transformers.pytorch_utils import Conv1D

    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                setattr(module, name, Int8Linear(child.weight, child.bias))
            elif isinstance(child, Conv1D):  # GPT-2's linear layer, whose weight lies the other way round
                setattr(module, name, Int8Linear(_turned(child), child.bias))
    for parameter in network.parameters():
        parameter.data = parameter.data.bfloat16()
    return network


def _turned(layer: Any) -> Tensor:
    weight: Tensor = layer.weight.T
    return weight
