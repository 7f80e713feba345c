"""``image/gan``: generative adversarial networks (Goodfellow et al. 2014, arXiv 1406.2661).

A generator turns noise into pictures; a discriminator tells them from real ones; each learns from the other.
The MLP is that of the paper. The convolutional one adds what came to be learnt since: transposed convolutions
(Radford et al. 2016), labels by projection (Miyato & Koyama 2018), spectral normalisation (Miyato et al. 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from aigc_core import Batch, Context, DataShape, Loss, Noise, Phase
from aigc_image.networks import Discriminator, Generator
from aigc_image.options import GanConfig, GanOptions
from aigc_image.pictures import PictureGenerator

# D's output here is a logit l, so that D(x) = sigmoid(l): log D = -softplus(-l), log(1 - D) = -softplus(l).


def discriminator_logistic(real: Tensor, fake: Tensor) -> Tensor:
    """Minimise ``-E[log D(x)] - E[log(1 - D(G(z)))]``: Goodfellow et al. 2014, eq. 1, for D."""
    return softplus(-real).mean() + softplus(fake).mean()


def generator_minimax(fake: Tensor) -> Tensor:
    """Minimise ``E[log(1 - D(G(z)))]``: Goodfellow et al. 2014, eq. 1, for G."""
    return -softplus(fake).mean()


def generator_non_saturating(fake: Tensor) -> Tensor:
    """Minimise ``-E[log D(G(z))]``, which has a gradient where D is sure: Goodfellow et al. 2014, section 3."""
    return softplus(-fake).mean()


def discriminator_hinge(real: Tensor, fake: Tensor) -> Tensor:
    """Minimise ``E[max(0, 1 - l(x))] + E[max(0, 1 + l(G(z)))]``: Miyato et al. 2018, eq. 16."""
    return relu(1 - real).mean() + relu(1 + fake).mean()


def generator_hinge(fake: Tensor) -> Tensor:
    """Minimise ``-E[l(G(z))]``: Miyato et al. 2018, eq. 17."""
    return -fake.mean()


LOSSES: Mapping[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "minimax": (discriminator_logistic, generator_minimax),
    "non-saturating": (discriminator_logistic, generator_non_saturating),
    "hinge": (discriminator_hinge, generator_hinge),
}


class Gan(PictureGenerator):
    """A generator and a discriminator, and the game between them; conditioned by label where the data has any."""

    Config = GanConfig

    def __init__(self, config: GanConfig, data: DataShape) -> None:
        self.config = config
        shape, classes = data.shape, len(data.labels)
        sizes = (config.width, config.hidden)
        self.networks = {
            "generator": Generator(
                config.architecture, config.latent_dim, config.embedding_dim, classes, shape, *sizes
            ),
            "discriminator": Discriminator(config.architecture, classes, shape, *sizes, normed=config.spectral_norm),
        }
        self.sampling = ("generator",)
        self.phases = (
            Phase("discriminator", ("discriminator",)),
            Phase("generator", ("generator",), every=config.generator_every),
        )

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        """Play one turn. The fakes carry the labels of the batch, so both sides see each class equally often."""
        generator, discriminator = context.networks["generator"], context.networks["discriminator"]
        discriminator_loss, generator_loss = LOSSES[self.config.loss]
        labels = batch.condition
        latent = context.normal("latent", (self.config.latent_dim,))  # (B, latent_dim)
        if phase == "generator":
            return Loss(generator_loss(discriminator(generator(latent, labels), labels)))
        with torch.no_grad():
            pictures = generator(latent, labels)  # (B, C, H, W)
        real, fake = discriminator(batch.data, labels), discriminator(pictures, labels)  # (B,) each
        logs = {"real": real.detach().mean(), "fake": fake.detach().mean()}
        return Loss(discriminator_loss(real, fake), logs)

    def fit_sampler(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]:
        """Return nothing: latents are standard normal."""
        return {}

    def latent(self, noise: Noise, options: GanOptions) -> Any:
        """Draw ``truncation * z`` with ``z`` standard normal, float32 ``(latent_dim,)``.

        Pulling towards the mean trades variety for typical pictures: Karras et al. 2019 (StyleGAN), appendix B,
        here in the space of z.
        """
        return noise.normal(self.config.latent_dim) * np.float32(options.truncation)

    def sample(self, latent: Tensor, condition: Tensor | None) -> Tensor:
        """Turn latents ``(B, latent_dim)`` and labels ``(B,)`` into pictures ``(B, C, H, W)`` in [0, 1]."""
        return self.networks["generator"](latent, condition)
