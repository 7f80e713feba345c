"""``image/autoencoder``: a plain autoencoder, sampled through a mixture of Gaussians on its codes.

An encoder squeezes a picture into a short code and a decoder makes the picture again (Hinton & Salakhutdinov 2006,
Reducing the dimensionality of data with neural networks). Nothing gives the codes a known distribution; so one is
fitted to them afterwards (Ghosh et al. 2020, From variational to deterministic autoencoders, section 4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from aigc_core import Batch, Context, DataShape, Loss, Noise, Phase
from aigc_image.mixture_sampling import MixtureSampled, presets
from aigc_image.networks import decoder, encoder
from aigc_image.options import AutoencoderConfig


def squared_error(logits: Tensor, pictures: Tensor) -> Tensor:
    """Return ``Σ (sigmoid(logits) - x)²`` over pixels, mean over the batch."""
    return (torch.sigmoid(logits) - pictures).square().flatten(1).sum(dim=1).mean()


def cross_entropy(logits: Tensor, pictures: Tensor) -> Tensor:
    """Return ``-Σ (x log p + (1 - x) log(1 - p))`` over pixels, mean over the batch: note 18 there."""
    return binary_cross_entropy_with_logits(logits, pictures, reduction="none").flatten(1).sum(dim=1).mean()


RECONSTRUCTIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": squared_error,
    "bernoulli": cross_entropy,
}


class Autoencoder(MixtureSampled):
    """An encoder and a decoder that make each picture again out of ``latent_dim`` numbers."""

    Config = AutoencoderConfig
    PRESETS: ClassVar = presets()

    def __init__(self, config: AutoencoderConfig, data: DataShape) -> None:
        self.config = config
        sizes = (config.width, config.hidden, config.depth)
        self.networks = {
            "encoder": encoder(config.architecture, data.shape, config.latent_dim, *sizes),
            "decoder": decoder(config.architecture, config.latent_dim, data.shape, *sizes),
        }
        self.inference = ("decoder", "encoder")
        self.phases = (Phase("reconstruction", ("encoder", "decoder")),)

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        """Return how far the pictures are from their copies."""
        code = context.networks["encoder"](batch.data)  # (B, latent_dim)
        logits = context.networks["decoder"](code).float()  # (B, C, H, W)
        return Loss(RECONSTRUCTIONS[self.config.reconstruction](logits, batch.data))

    def encode(self, data: Tensor) -> Tensor:
        """Return the codes ``(B, latent_dim)`` of pictures ``(B, C, H, W)``."""
        codes: Tensor = self.encoder(data)
        return codes

    def codes(self, batch: Batch, noise: Noise) -> Tensor:
        """Return the code of each picture; nothing about it is random."""
        return self.encode(batch.data)
