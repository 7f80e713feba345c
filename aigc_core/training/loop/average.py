"""Averaged weights: what a generator samples with is a running mean of what its optimizer did."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

#: An average may look back over at most this share of what was seen, so that the start is soon forgotten.
#: The value of StyleGAN2-ADA (Karras et al. 2020), `ema_rampup`.
RAMP_UP = 0.05


def decay(batch: int, half_life: float, seen: int) -> float:
    """Return the share of the old average that stays after a step.

    ``0.5 ** (batch / half_life)``, with the half-life at most ``RAMP_UP`` of the `seen` examples: Karras et al.
    2018 (Progressive growing of GANs) average generators so, StyleGAN2-ADA gives the half-life in images.
    """
    half_life = min(half_life, RAMP_UP * seen)
    return 0.5 ** (batch / half_life) if half_life > 0 else 0.0


class Average:
    """Exponential moving averages of networks. Parameters are averaged; buffers are copied.

    Args:
        networks: what is averaged, by name; they are copied, and never changed.
        half_life: in examples; 0 averages nothing: then they are the networks themselves, and cost nothing.
    """

    def __init__(self, networks: Mapping[str, Module], half_life: float) -> None:
        self.half_life = half_life
        self.networks = dict(networks)
        if not half_life:
            return
        for name, network in networks.items():
            self.networks[name] = copy.deepcopy(network).eval().requires_grad_(False)
        self._means = _flat(network.parameters() for network in self.networks.values())
        self._values = _flat(network.parameters() for network in networks.values())
        self._kept = _flat(network.buffers() for network in self.networks.values())
        self._newest = _flat(network.buffers() for network in networks.values())

    @torch.no_grad()
    def update(self, batch: int, seen: int) -> None:
        """Take in the networks as they are after a step of `batch` examples, the last of `seen`."""
        if not self.half_life:
            return
        step = 1 - decay(batch, self.half_life, seen)
        # One call for all tensors: networks of many small layers would pay for each call more than for the work.
        torch._foreach_lerp_(self._means, self._values, step)
        if self._kept:
            torch._foreach_copy_(self._kept, self._newest)


def _flat(tensors: Iterable[Iterable[Tensor]]) -> list[Tensor]:
    return [tensor for each in tensors for tensor in each]
