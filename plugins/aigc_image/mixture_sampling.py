"""Drawing latents from a mixture of Gaussians that is fitted, after training, to where the pictures lie."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aigc_core import Batch, Item, ModelError, Noise, UsageError
from aigc_image.gmm import GaussianMixture, MixtureSampler, fit
from aigc_image.mixture_density import DensitySampler
from aigc_image.networks import decoded
from aigc_image.pictures import PictureGenerator, to_pixels

#: How far variations of a picture lie from it where nobody says.
STRENGTH = 0.5


def presets(**config: Any) -> Mapping[str, Mapping[str, Any]]:
    """Return the presets of a component with an encoder, a decoder and a mixture, with `config` in all of them."""
    sizes = {
        "tiny": ({"width": 16, "hidden": 128, "latent_dim": 32, "components": 16}, 8),
        "small": ({"width": 32, "hidden": 256, "latent_dim": 64, "components": 32}, 30),
        "base": ({"width": 64, "hidden": 512, "latent_dim": 128, "components": 64}, 240),
    }
    training = {"batch": 64, "lr": 1e-3, "schedule": "cosine", "warmup": 100}
    return {
        name: {"config": {"architecture": "deep", **size, **config}, "training": {**training, "minutes": minutes}}
        for name, (size, minutes) in sizes.items()
    }


class MixtureSampled(PictureGenerator):
    """A picture generator with networks ``encoder`` and ``decoder`` (to logits), and latents from a fitted mixture."""

    config: Any  # has latent_dim and components
    optional = ("encoder.",)
    vector = 0  # length of the vector that pictures are of
    mixture: MixtureSampler | DensitySampler

    @property
    def encoder(self) -> nn.Module:
        """The encoder. Raises ModelError where the model folder has none."""
        if "encoder" not in self.networks:
            name = f"model {self.model.name!r}" if self.model else "this model"
            raise ModelError(
                f"{name} has no encoder in its folder, and cannot start from a picture",
                hint="train it again: what is trained today keeps its encoder",
            )
        return self.networks["encoder"]

    @abstractmethod
    def encode(self, data: Tensor) -> Tensor:
        """Return the latents ``(B, latent_dim)`` of pictures ``(B, C, H, W)``. Raises ModelError without encoder."""

    @abstractmethod
    def codes(self, batch: Batch, noise: Noise) -> Tensor:
        """Return where the pictures of a batch lie, one latent each, ``(B, latent_dim)``."""

    def fit_sampler(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]:
        """Fit the mixture to the codes of all pictures, and return its tensors.

        Fewer pictures than components get as many components as they are; the rest have no weight.
        """
        noise = Noise(seed, "sampler/posterior")
        codes = torch.cat([self.codes(batch, noise) for batch in data]).cpu()  # (N, latent_dim)
        components = self.config.components
        tensors = fit(codes, min(components, len(codes)), seed).padded(components).tensors()
        self.load_sampler(tensors)
        return tensors

    def sampler_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes of the mixture's tensors."""
        return GaussianMixture.shapes(self.config.components, self.config.latent_dim)

    def load_sampler(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the mixture's tensors."""
        self.mixture = GaussianMixture(**tensors).sampler()

    def latent(self, noise: Noise, options: Any, condition: Any = None) -> Any:
        """Draw a latent from the mixture, float32 ``(latent_dim,)``.

        On the way between two seeds it moves along a straight line: a mixture is no sphere, and mixed noise would
        make the latent leap from component to component.
        """
        mixture = self.mixture.given(condition)
        return sum(weight * mixture.draw(part, options.temperature) for weight, part in noise.parts)

    def latents(self, items: Sequence[Item], told: Tensor | None) -> Tensor:
        """Return the latent of each item, ``(B, latent_dim)``: drawn, or around that of the picture it is to be like.

        A variation is ``code + strength * deviation * eps`` with ``eps`` standard normal, and the standard deviation
        of all codes, dimension by dimension.
        """
        if "like" not in items[0].inputs:
            if items[0].options.strength is not None:
                raise UsageError("there is a strength, and no picture to vary", hint="give it as the input 'like'")
            return super().latents(items, told)
        inputs = {id(item.inputs): item.inputs for item in items}  # most items share theirs
        pixels = {key: to_pixels(given["like"], self.model.shape) for key, given in inputs.items()}
        pictures = torch.stack([pixels[id(item.inputs)] for item in items])  # (B, C, H, W)
        strengths = [STRENGTH if item.options.strength is None else item.options.strength for item in items]
        eps = np.stack([item.noise.normal(self.config.latent_dim) for item in items])
        spread = np.float32(strengths)[:, None] * self.mixture.deviation * eps  # (B, latent_dim)
        return self.encode(pictures) + torch.from_numpy(spread)

    def sample(self, latent: Tensor, condition: Tensor | None) -> Tensor:
        """Turn latents ``(B, latent_dim)`` into pictures ``(B, C, H, W)`` in [0, 1]: the decoder's means.

        Raises:
            UsageError: the model is conditioned by vectors, and there are none.
        """
        if self.vector and condition is None:
            raise UsageError("the model is conditioned by vectors, and makes nothing without")
        return torch.sigmoid(decoded(self.networks["decoder"], latent, condition if self.vector else None))
