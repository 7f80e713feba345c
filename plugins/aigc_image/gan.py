"""``image/gan``: generative adversarial networks (Goodfellow et al. 2014, arXiv 1406.2661).

A generator turns noise into pictures; a discriminator tells them from real ones; each learns from the other.
The MLP is that of the paper. The convolutional ones add what came to be learnt since: transposed convolutions
(Radford et al. 2016), labels by projection (Miyato & Koyama 2018), spectral normalisation (Miyato et al. 2018). What
they play for stands in ``adversarial``, what holds the discriminator back in ``penalties`` and ``diffaugment``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from aigc_core import Alarm, Batch, Context, DataShape, Loss, Noise, Phase
from aigc_image.adversarial import LOSSES
from aigc_image.diffaugment import DRAWS, diffaugment
from aigc_image.networks import Discriminator, Generator
from aigc_image.options import GanConfig, GanOptions
from aigc_image.penalties import one_centred, zero_centred
from aigc_image.pictures import PictureGenerator

PENALTIES = ("r1_gamma", "r2_gamma", "gradient_penalty")

#: Shares of pairs that a discriminator puts in the right order: above, it leaves nothing to learn; below, it teaches
#: nothing. Healthy games lie around 0.8.
SATURATED, BLIND = 0.995, 0.52

_ADVERSARIAL = {
    "architecture": "deep",
    "loss": "relativistic",
    "spectral_norm": False,
    "diffaugment": "translation",
}
_TRAINING = {"batch": 16, "lr": 4e-4, "betas": (0.0, 0.99), "schedule": "cosine"}


class Gan(PictureGenerator):
    """A generator and a discriminator, and the game between them; conditioned by the labels or vectors of the data."""

    Config = GanConfig
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "config": {**_ADVERSARIAL, "width": 16, "latent_dim": 64},
            "training": {**_TRAINING, "lr": 1e-3, "minutes": 10, "ema_images": 5_000},
        },
        "small": {
            "config": {**_ADVERSARIAL, "width": 32, "latent_dim": 128},
            "training": {**_TRAINING, "minutes": 60, "ema_images": 10_000},
        },
        "base": {
            "config": {**_ADVERSARIAL, "width": 64, "latent_dim": 128, "hidden": 512},
            "training": {**_TRAINING, "minutes": 480, "batch": 32, "ema_images": 20_000},
        },
    }

    def __init__(self, config: GanConfig, data: DataShape) -> None:
        self.config = config
        self.game = LOSSES[config.loss]
        self.penalties = tuple(
            getattr(self.game, name) if getattr(config, name) is None else getattr(config, name) for name in PENALTIES
        )
        shape, classes = data.shape, len(data.labels)
        sizes = (config.width, config.hidden, config.depth)
        self.networks = {
            "generator": Generator(
                *(config.architecture, config.latent_dim, config.embedding_dim, classes, shape, *sizes, config.refined),
                vector=data.vector,
            ),
            "discriminator": Discriminator(
                config.architecture, classes, shape, *sizes, normed=config.spectral_norm, vector=data.vector
            ),
        }
        self.inference = ("generator",)
        self.phases = (
            Phase("discriminator", ("discriminator",)),
            Phase("generator", ("generator",), every=config.generator_every),
        )

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        """Play one turn. The fakes carry the conditions of the batch, so both sides see each equally often."""
        if phase == "generator":
            return self._generator_turn(batch, context)
        return self._discriminator_turn(batch, context)

    def _discriminator_turn(self, batch: Batch, context: Context) -> Loss:
        conditions = batch.condition
        with torch.no_grad():
            fakes = self._generated(conditions, context)
        real, fake = self._augmented("real", batch.data, context), self._augmented("fake", fakes, context)
        real_logits, fake_logits = self._judged(real, fake, conditions, context)
        logs = {
            "real": real_logits.detach().mean(),
            "fake": fake_logits.detach().mean(),
            "accuracy": (real_logits > fake_logits).float().mean(),  # of pairs: comparable from loss to loss
        }
        penalty = self._penalty(real, fake, conditions, context, logs)
        return Loss(self.game.discriminator(real_logits, fake_logits) + penalty, logs)

    def _generator_turn(self, batch: Batch, context: Context) -> Loss:
        conditions = batch.condition
        fake = self._augmented("fake", self._generated(conditions, context), context)
        discriminator = context.networks["discriminator"]
        fake_logits = real_logits = discriminator(fake, conditions).float()  # (B,)
        if self.game.paired:
            with torch.no_grad():
                real_logits = discriminator(self._augmented("real", batch.data, context), conditions).float()
        return Loss(self.game.generator(real_logits, fake_logits))

    def _generated(self, conditions: Tensor | None, context: Context) -> Tensor:
        latent = context.normal("latent", (self.config.latent_dim,))  # (B, latent_dim)
        pictures: Tensor = context.networks["generator"](latent, conditions)
        return pictures.float()  # (B, C, H, W)

    def _augmented(self, name: str, pictures: Tensor, context: Context) -> Tensor:
        if not self.config.diffaugment:
            return pictures
        return diffaugment(pictures, context.uniform(f"augment/{name}", (DRAWS,)), self.config.diffaugment)

    def _judged(self, real: Tensor, fake: Tensor, conditions: Tensor | None, context: Context) -> tuple[Tensor, Tensor]:
        """Return the logits of real and of generated pictures, ``(B,)`` each, float32: in one go, which is faster."""
        both = None if conditions is None else torch.cat([conditions, conditions])
        logits = context.networks["discriminator"](torch.cat([real, fake]), both).float()
        return logits[: len(real)], logits[len(real) :]

    @torch.compiler.disable  # what is compiled cannot be differentiated twice
    def _penalty(
        self, real: Tensor, fake: Tensor, conditions: Tensor | None, context: Context, logs: dict[str, Tensor]
    ) -> Tensor | float:
        """Return what the discriminator pays for steepness, and log it.

        R1 and R2 are due each ``regularise_every`` steps only, and then weigh as much more: Karras et al. 2020
        (StyleGAN2), appendix B, lazy regularisation. The Lipschitz bound of Wasserstein's loss must hold at each step.
        """
        discriminator = context.networks["discriminator"]
        r1_gamma, r2_gamma, weight = self.penalties
        total: Tensor | float = 0.0
        if context.step % self.config.regularise_every == 0:
            for name, gamma, pictures in (("r1", r1_gamma, real), ("r2", r2_gamma, fake)):
                if gamma:
                    penalty = zero_centred(discriminator, pictures, conditions)
                    logs[name] = penalty.detach()
                    total = total + gamma * self.config.regularise_every * penalty
        if weight:
            penalty = one_centred(discriminator, real, fake, conditions, context.uniform("mixing", (1, 1, 1)))
            logs["gradient_penalty"] = penalty.detach()
            total = total + weight * penalty
        return total

    def alarms(self, logs: Mapping[str, float]) -> Sequence[Alarm]:
        """Return what is wrong with the game: a discriminator that is always right, or never."""
        accuracy = logs.get("discriminator/accuracy")
        if accuracy is not None and accuracy >= SATURATED:
            gap = logs["discriminator/real"] - logs["discriminator/fake"]
            return [
                Alarm(
                    "discriminator saturated",
                    f"it tells real from generated in {accuracy:.1%} of pairs, {gap:.3g} apart on the mean",
                    "raise r1_gamma and r2_gamma, augment more (diffaugment), or give it a smaller lr",
                )
            ]
        if accuracy is not None and accuracy <= BLIND:
            return [
                Alarm(
                    "discriminator blind",
                    f"it tells real from generated in {accuracy:.1%} of pairs, as a coin would",
                    "lower r1_gamma, r2_gamma and gradient_penalty, augment less (diffaugment), or give it a larger lr",
                )
            ]
        return []

    def fit_sampler(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]:
        """Return nothing: latents are standard normal."""
        return {}

    def latent(self, noise: Noise, options: GanOptions, condition: Any = None) -> Any:
        """Draw ``truncation * z`` with ``z`` standard normal, float32 ``(latent_dim,)``.

        Pulling towards the mean trades variety for typical pictures: Karras et al. 2019 (StyleGAN), appendix B,
        here in the space of z.
        """
        return noise.normal(self.config.latent_dim) * np.float32(options.truncation)

    def sample(self, latent: Tensor, condition: Tensor | None) -> Tensor:
        """Turn latents ``(B, latent_dim)`` and conditions into pictures ``(B, C, H, W)`` in [0, 1]."""
        return self.networks["generator"](latent, condition)
