"""Drawing latents from a mixture of Gaussians that is fitted, after training, to where the pictures lie."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from aigc_core import Batch, Noise
from aigc_image.gmm import GaussianMixture, fit
from aigc_image.pictures import PictureGenerator


class MixtureSampled(PictureGenerator):
    """A picture generator with a network ``decoder`` (to logits), and latents from a fitted mixture."""

    config: Any  # has latent_dim and components

    @abstractmethod
    def codes(self, batch: Batch, noise: Noise) -> Tensor:
        """Return where the pictures of a batch lie, one latent each, ``(B, latent_dim)``."""

    def fit_sampler(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]:
        """Fit the mixture to the codes of all pictures, and return its tensors."""
        noise = Noise(seed, "sampler/posterior")
        codes = torch.cat([self.codes(batch, noise) for batch in data])  # (N, latent_dim)
        tensors = fit(codes, self.config.components, seed).tensors()
        self.load_sampler(tensors)
        return tensors

    def sampler_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes of the mixture's tensors."""
        return GaussianMixture.shapes(self.config.components, self.config.latent_dim)

    def load_sampler(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the mixture's tensors."""
        self.mixture = GaussianMixture(**tensors).sampler()

    def latent(self, noise: Noise, options: Any) -> Any:
        """Draw a latent from the mixture, float32 ``(latent_dim,)``."""
        return self.mixture.draw(noise, options.temperature)

    def sample(self, latent: Tensor, condition: Tensor | None) -> Tensor:
        """Turn latents ``(B, latent_dim)`` into pictures ``(B, C, H, W)`` in [0, 1]: the decoder's means."""
        return torch.sigmoid(self.networks["decoder"](latent))
