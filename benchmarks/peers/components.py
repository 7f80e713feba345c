"""The peers' networks under our own training contract: the same network and the same loss, trained by our loop.

They are what anybody would write to train a network of their own; everything but networks and losses is the loop's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from aigc_core import Batch, Context, DataShape, Loss, Noise, Phase
from aigc_image.options import VaeConfig
from aigc_image.pictures import PictureGenerator
from aigc_image.vae import Vae
from peers import dcgan


class VaeMlpConfig(VaeConfig):
    """As ``image/vae``, with the sizes of ``vae_mlp``; pythae's default network has 512 units and another latent."""

    latent_dim: int = 20
    hidden: int = 400


class VaeMlp(Vae):
    """``image/vae`` with one hidden layer on each side: the network of ``vae_mlp``, or of pythae.

    The two heads of the encoder are one layer of twice the width: the same weights, the same numbers. The loss is the
    peers' and nothing else: ``image/vae`` looks at its latents, too, for the log, which they do not.
    """

    Config = VaeMlpConfig

    def __init__(self, config: VaeMlpConfig, data: DataShape) -> None:
        super().__init__(config, data)
        pixels, hidden, latent_dim = math.prod(data.shape), config.hidden, config.latent_dim
        self.networks = {
            "encoder": nn.Sequential(
                nn.Flatten(), nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent_dim)
            ),
            "decoder": nn.Sequential(
                nn.Linear(latent_dim, hidden), nn.ReLU(), nn.Linear(hidden, pixels), nn.Unflatten(1, data.shape)
            ),
        }

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        """Return minus the ELBO, mean over the batch."""
        mean, log_variance = context.networks["encoder"](batch.data).chunk(2, dim=1)
        noise = context.normal("latent", (self.config.latent_dim,)).to(mean.dtype)  # as ``randn_like`` is
        latent = mean + (0.5 * log_variance).exp() * noise
        logits = context.networks["decoder"](latent)
        reconstruction = binary_cross_entropy_with_logits(logits, batch.data, reduction="none").flatten(1).sum(1).mean()
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1).mean()
        return Loss(reconstruction + divergence)


class DcganConfig(BaseModel):
    """Nothing can be set: the network is the script's."""


class Dcgan(PictureGenerator):
    """The networks and the game of ``dcgan``.

    The script's binary cross entropy on a sigmoid is written on logits: the same loss, safe in bfloat16. As in the
    script, one batch of fakes serves both turns; here the generator goes first, and shares them.
    """

    Config: ClassVar[type[BaseModel]] = DcganConfig

    def __init__(self, config: DcganConfig, data: DataShape) -> None:
        self.networks = {
            "generator": dcgan.generator().apply(dcgan.weights_init),
            "discriminator": dcgan.discriminator().apply(dcgan.weights_init),
        }
        self.inference = ("generator",)
        self.phases = (Phase("generator", ("generator",)), Phase("discriminator", ("discriminator",)))

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        """Play one turn."""
        generator, discriminator = context.networks["generator"], context.networks["discriminator"]
        if phase == "generator":
            pictures = generator(context.normal("latent", (dcgan.NZ, 1, 1)))
            return Loss(softplus(-discriminator(pictures).float()).mean(), shared={"pictures": pictures})
        pictures = context.shared["pictures"]
        real, fake = discriminator(2 * batch.data - 1).float(), discriminator(pictures).float()
        return Loss(softplus(-real).mean() + softplus(fake).mean())

    def fit_sampler(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]:
        """Return nothing: latents are standard normal."""
        return {}

    def latent(self, noise: Noise, options: Any, condition: Any = None) -> Any:
        """Draw a standard normal latent, float32 ``(100,)``."""
        return noise.normal(dcgan.NZ)

    def sample(self, latent: Tensor, condition: Tensor | None) -> Tensor:
        """Turn latents ``(B, 100)`` into pictures ``(B, 3, 64, 64)`` in [0, 1]."""
        return self.networks["generator"](latent[:, :, None, None]).mul(0.5).add(0.5)
