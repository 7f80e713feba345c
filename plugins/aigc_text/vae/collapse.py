"""What stops posterior collapse: a decoder that predicts each word from those before soon ignores its latent.

Each remedy is a small object, and all can be combined. Which of them work is measured in ``benchmarks/text_vae.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from aigc_core import UsageError


@dataclass(frozen=True, slots=True)
class Annealing:
    """The weight of the divergence over a training.

    ``linear`` rises from 0 to `height` in `steps` steps (Bowman et al. 2016, arXiv 1511.06349, section 3.1).
    ``cyclical`` does so again at the start of each of `cycles` cycles of `steps` steps, in the first half of them
    (Fu et al. 2019, arXiv 1903.10145, eq. 6 with R = 0.5). ``none`` is always at its height.
    """

    kind: Literal["none", "linear", "cyclical"] = "none"
    steps: int = 2000
    cycles: int = 4
    height: float = 1.0

    def weight(self, step: int) -> float:
        """Return the weight at `step`, counted from 0."""
        if self.kind == "linear":
            return self.height * min(1.0, (step + 1) / self.steps)
        if self.kind == "cyclical" and step < self.cycles * self.steps:
            return self.height * min(1.0, 2 * (step % self.steps + 1) / self.steps)
        return self.height


@dataclass(frozen=True, slots=True)
class FreeBits:
    """A divergence that is charged only above a floor: Kingma et al. 2016 (arXiv 1606.04934), eq. 15.

    ``dimension``: each dimension has a floor of its own, as the groups there; ``total``: all share one. The floor is
    that of the mean over the batch.
    """

    nats: float = 0.0
    of: Literal["dimension", "total"] = "dimension"

    def charged(self, divergence: Tensor) -> Tensor:
        """Return what is charged for ``KL`` of each dimension ``(B, latent_dim)``, a scalar."""
        mean = divergence.mean(dim=0)  # (latent_dim,)
        return mean.clamp_min(self.nats).sum() if self.of == "dimension" else mean.sum().clamp_min(self.nats)


class HeldSpread(nn.BatchNorm1d):
    """Batch normalisation of the posterior's means with a fixed scale: BN-VAE (Zhu et al. 2020, arXiv 2004.12585).

    Over all texts each dimension of the mean has the standard deviation `gamma`, whatever the encoder does; so the
    divergence is at least ``latent_dim * gamma**2 / 2`` nats (eq. 8 there), and cannot be driven to nothing. The
    shift is learnt.
    """

    def __init__(self, latent_dim: int, gamma: float) -> None:
        super().__init__(latent_dim, eps=1e-8)  # torch's 1e-5 would let an encoder out that says next to nothing
        nn.init.constant_(self.weight, gamma)
        self.weight.requires_grad_(False)

    def forward(self, mean: Tensor) -> Tensor:
        if self.training and len(mean) < 2:
            raise UsageError(
                "means of a single text have no spread to hold", hint="train on batches of at least 2, or with gamma=0"
            )
        return super().forward(mean)

    @torch.no_grad()
    def settle(self, mean: Tensor, variance: Tensor) -> None:
        """Take the exact mean and variance of all texts, ``(latent_dim,)`` each, for the running ones."""
        assert self.running_mean is not None and self.running_var is not None
        self.running_mean.copy_(mean)
        self.running_var.copy_(variance)
