"""Linear layers in eight bits: weights once, one scale a row; activations at each call, one scale a call.

torch's dynamic quantisation. It needs no calibration and runs on any CPU that torch has kernels for.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn

from aigc_core import UsageError


def quantised(network: nn.Module) -> nn.Module:
    """Return `network` with its linear layers in int8; embeddings and norms stay float32.

    Raises:
        UsageError: this torch has no int8 kernels for this CPU.
    """
    from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic

    if torch.backends.quantized.engine == "none":
        raise UsageError("this torch has no int8 arithmetic for this CPU", hint="leave quantise out")
    _straighten(network)
    with warnings.catch_warnings():
        # torch.ao says that it moves to the package torchao; within the torch that this project allows it is there.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=UserWarning)
        layers = {nn.Linear: per_channel_dynamic_qconfig}
        made: nn.Module = quantize_dynamic(network, layers, dtype=torch.qint8, inplace=True)
        return made


def _straighten(network: nn.Module) -> None:
    """Turn GPT-2's ``Conv1D``, a linear layer whose weight lies the other way round, into what is quantised."""
    from transformers.pytorch_utils import Conv1D

    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Conv1D):
                setattr(module, name, _linear(child))


def _linear(layer: Any) -> nn.Linear:
    inputs, outputs = layer.weight.shape
    linear = nn.Linear(inputs, outputs)
    with torch.no_grad():
        linear.weight.copy_(layer.weight.T)
        linear.bias.copy_(layer.bias)
    return linear
