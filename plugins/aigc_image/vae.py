"""``image/vae``: auto-encoding variational Bayes (Kingma & Welling 2013, arXiv 1312.6114).

An encoder says which latents a picture may come from, a decoder what picture a latent gives; together they
maximise a lower bound of the data's likelihood. Latents are drawn from the prior, or from a mixture of Gaussians
fitted to where the pictures in fact lie.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from aigc_core import Batch, Context, DataShape, Loss, Noise, Phase
from aigc_image.mixture_sampling import MixtureSampled
from aigc_image.networks import decoder, encoder
from aigc_image.options import VaeConfig, VaeOptions


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return ``KL(N(mean, variance) || N(0, 1))`` summed over dimensions, ``(B,)``.

    Kingma & Welling 2013, appendix B: ``-1/2 Σ (1 + log σ² - μ² - σ²)``.
    """
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1)


def bernoulli(logits: Tensor, pictures: Tensor) -> Tensor:
    """Return ``-log p(x|z)`` of pixels as probabilities, summed, ``(B,)``: Kingma & Welling 2013, appendix C.1."""
    return binary_cross_entropy_with_logits(logits, pictures, reduction="none").flatten(1).sum(dim=1)


def gaussian(logits: Tensor, pictures: Tensor) -> Tensor:
    """Return ``-log N(x; sigmoid(logits), σ²)``, summed, ``(B,)``, with the σ that is best for this batch.

    Appendix C.2 with one shared σ, which has the closed form ``σ² = MSE``: Rybkin et al. 2021 (Simple and effective
    VAE training with calibrated decoders), section 4.
    """
    error = (torch.sigmoid(logits) - pictures).square().flatten(1)  # (B, C*H*W)
    variance = error.mean().clamp_min(1e-6)  # 8-bit pictures are no finer: 1/255² is about 1.5e-5
    return 0.5 * (error / variance + variance.log() + math.log(2 * math.pi)).sum(dim=1)


def mse(logits: Tensor, pictures: Tensor) -> Tensor:
    """Return the squared error, summed, ``(B,)``: a Gaussian with ``σ² = 1/2``, but for a constant."""
    return (torch.sigmoid(logits) - pictures).square().flatten(1).sum(dim=1)


RECONSTRUCTIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "bernoulli": bernoulli,
    "gaussian": gaussian,
    "mse": mse,
}


class Vae(MixtureSampled):
    """An encoder and a decoder, trained on the evidence lower bound."""

    Config = VaeConfig

    def __init__(self, config: VaeConfig, data: DataShape) -> None:
        self.config = config
        sizes = (config.width, config.hidden)
        self.networks = {
            "encoder": encoder(config.architecture, data.shape, 2 * config.latent_dim, *sizes),
            "decoder": decoder(config.architecture, config.latent_dim, data.shape, *sizes),
        }
        self.sampling = ("decoder",)
        self.phases = (Phase("elbo", ("encoder", "decoder")),)

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        """Return minus the ELBO, mean over the batch, with one latent a picture: Kingma & Welling 2013, eq. 10.

        ``beta`` weighs the divergence: Higgins et al. 2017 (beta-VAE), eq. 4.
        """
        mean, log_variance = context.networks["encoder"](batch.data).chunk(2, dim=1)  # (B, latent_dim) each
        noise = context.normal("latent", (self.config.latent_dim,))
        latent = mean + (0.5 * log_variance).exp() * noise
        logits = context.networks["decoder"](latent)  # (B, C, H, W)
        reconstruction = RECONSTRUCTIONS[self.config.reconstruction](logits, batch.data).mean()
        divergence = kl_divergence(mean, log_variance).mean()
        logs = {"reconstruction": reconstruction.detach(), "kl": divergence.detach()}
        return Loss(reconstruction + self.config.beta * divergence, logs)

    def codes(self, batch: Batch, noise: Noise) -> Tensor:
        """Draw a latent from the encoder for each picture: together, a sample of the aggregated posterior."""
        mean, log_variance = self.networks["encoder"](batch.data).chunk(2, dim=1)
        return mean + (0.5 * log_variance).exp() * torch.from_numpy(noise.normal(tuple(mean.shape)))

    def latent(self, noise: Noise, options: VaeOptions) -> Any:
        """Draw from the prior N(0, 1) or from the mixture, float32 ``(latent_dim,)``."""
        if (options.sampler or self.config.sampler) == "prior":
            return noise.normal(self.config.latent_dim) * np.float32(options.temperature)
        return super().latent(noise, options)
