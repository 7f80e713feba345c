"""A mixture of Gaussians that depends on what the picture is of: where latents lie, given a vector.

A conditional VAE is told what a picture is of, and its latent holds the rest. What rest there is depends on that: of a
word that three pictures are of, there are three small places where latents lie, others than of the next word, and what
a decoder makes of all between them is no picture. So the prior is learnt, given the vector (Sohn et al. 2015,
Conditional VAE, section 3.2), after the networks are trained and leaving them as they are (as Ghosh et al. 2020, From
variational to deterministic autoencoders, section 3.1, without conditions), by a mixture density network (Bishop 1994).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aigc_core import Noise, UsageError
from aigc_image.gmm import GaussianMixture, MixtureSampler
from aigc_image.gmm import fit as fit_mixture

HIDDEN = 512
#: Between which the logarithm of a deviation is kept: a Gaussian on one latent would have all the likelihood there is.
NARROWEST, WIDEST = -6.0, 1.0
#: Of the weights of the last layer at first: all vectors have nearly the same mixture then.
FAINT = 0.1
#: The least weight that a Gaussian begins with.
UNLIKELY = 1e-4
#: How often the data are gone through, and for how many steps at least and at most.
EPOCHS, FEWEST_STEPS, MOST_STEPS = 40, 300, 4000
#: Pictures a step: an eighth of all, between these.
SMALLEST_BATCH, LARGEST_BATCH = 32, 256
LEARNING_RATE, WARMUP, DECAY = 3e-3, 50, 1e-2


@dataclass(frozen=True, slots=True)
class Posteriors:
    """Where the latents of pictures lie, and what each picture is of.

    Attributes:
        means: ``(N, D)``.
        deviations: ``(N, D)``.
        vectors: ``(N, V)``, of length 1.
    """

    means: Tensor
    deviations: Tensor
    vectors: Tensor

    def spread(self) -> Tensor:
        """Standard deviation of the latents of all pictures together, ``(D,)``."""
        return (self.means.var(dim=0, correction=0) + self.deviations.square().mean(dim=0)).sqrt()


class MixtureDensity(nn.Module):
    """From vectors ``(B, V)`` to mixtures of K Gaussians with diagonal covariances in D dimensions.

    Args:
        noise: of the weights that it begins with.
    """

    def __init__(self, vector: int, components: int, dim: int, noise: Noise) -> None:
        super().__init__()
        self.components, self.dim = components, dim
        self.hidden = _linear(vector, HIDDEN, 1.0, noise)
        self.out = _linear(HIDDEN, components * (1 + 2 * dim), FAINT, noise)

    @torch.no_grad()
    def begin(self, mixture: GaussianMixture) -> None:
        """Make this mixture of nearly all vectors. Gaussians that begin broad and in one place stay together."""
        deviations = mixture.choleskys.square().sum(dim=2).sqrt()  # (K, D), of the diagonals of L @ L.T
        parts = (mixture.weights.clamp_min(UNLIKELY).log()[:, None], mixture.means, deviations.log())
        self.out.bias.copy_(torch.cat(parts, dim=1).flatten())

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log weights ``(B, K)``, means ``(B, K, D)`` and log deviations ``(B, K, D)``."""
        hidden = self.hidden(vectors * math.sqrt(self.hidden.in_features)).relu()
        made = self.out(hidden).unflatten(1, (self.components, 1 + 2 * self.dim))
        weights, means, deviations = made.split((1, self.dim, self.dim), dim=2)
        return weights.squeeze(2).log_softmax(dim=1), means, deviations.clamp(NARROWEST, WIDEST)

    def log_likelihood(self, latents: Tensor, vectors: Tensor) -> Tensor:
        """Return the log density of latents ``(B, D)``, given vectors, ``(B,)``: Bishop 1994, eq. 22 and 23."""
        weights, means, deviations = self(vectors)
        distance = ((latents.unsqueeze(1) - means) / deviations.exp()).square()
        normal = -0.5 * distance - deviations - 0.5 * math.log(2 * math.pi)  # (B, K, D)
        return torch.logsumexp(weights + normal.sum(dim=2), dim=1)


class DensitySampler:
    """Draws latents given a vector, in numpy and item by item: no matrix kernel whose choice depends on a batch.

    Args:
        tensors: of a ``MixtureDensity`` by name, and ``deviation`` ``(D,)``, that of the latents of all pictures.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        arrays = {name: tensor.double().numpy() for name, tensor in tensors.items()}
        self.deviation: NDArray[np.float32] = arrays.pop("deviation").astype(np.float32)
        self._arrays = arrays

    @staticmethod
    def shapes(vector: int, components: int, dim: int) -> Mapping[str, tuple[int, ...]]:
        """Return the shapes of `tensors`."""
        outputs = components * (1 + 2 * dim)
        return {
            "hidden.weight": (HIDDEN, vector),
            "hidden.bias": (HIDDEN,),
            "out.weight": (outputs, HIDDEN),
            "out.bias": (outputs,),
            "deviation": (dim,),
        }

    def given(self, vector: Any) -> MixtureSampler:
        """Return the mixture for one vector ``(V,)``.

        Raises:
            UsageError: there is no vector.
        """
        if vector is None:
            raise UsageError("the model is conditioned by vectors, and makes nothing without")
        told = np.asarray(vector, np.float64)
        hidden = self._arrays["hidden.weight"] @ (told * math.sqrt(len(told))) + self._arrays["hidden.bias"]
        made = self._arrays["out.weight"] @ np.maximum(hidden, 0) + self._arrays["out.bias"]
        dim = len(self.deviation)
        each = made.reshape(-1, 1 + 2 * dim)
        weights = np.exp(each[:, 0] - each[:, 0].max())
        deviations = np.exp(each[:, 1 + dim :].clip(NARROWEST, WIDEST))
        return MixtureSampler(weights, each[:, 1 : 1 + dim], deviations[:, :, None] * np.eye(dim))


def fit(posteriors: Posteriors, components: int, seed: int) -> Mapping[str, Tensor]:
    """Learn where latents lie, given vectors; return what ``DensitySampler`` takes.

    The mean of ``log p(z | vector)`` over pictures, and over latents ``z`` of each, is made as large as it
    will go. That is the part of the bound on the pictures' likelihood that the prior has a hand in.

    Raises:
        UsageError: a number is not finite.
    """
    if not all(each.isfinite().all() for each in (posteriors.means, posteriors.deviations, posteriors.vectors)):
        raise UsageError("a mixture cannot be fitted to codes that are not finite", hint="the training has diverged")
    count, dim = posteriors.means.shape
    noise = Noise(seed, "sampler/density")
    density = MixtureDensity(posteriors.vectors.shape[1], components, dim, noise)
    density.begin(fit_mixture(posteriors.means, min(components, count), seed).padded(components))
    optimizer = torch.optim.AdamW(
        density.parameters(), LEARNING_RATE, betas=(0.9, 0.99), weight_decay=DECAY, fused=True
    )
    batch = min(max(count // 8, SMALLEST_BATCH), LARGEST_BATCH)
    steps = min(max(EPOCHS * count // batch, FEWEST_STEPS), MOST_STEPS)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / WARMUP) * max(0.01, 1 - step / steps)
    )
    for _ in range(steps):
        places = torch.from_numpy((noise.uniform((batch,)) * count).astype(np.int64))
        eps = torch.from_numpy(noise.normal((batch, dim)))
        latents = posteriors.means[places] + posteriors.deviations[places] * eps
        with torch.enable_grad():
            loss = -density.log_likelihood(latents, posteriors.vectors[places]).mean()
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
        schedule.step()
    return {**density.state_dict(), "deviation": posteriors.spread()}


def _linear(inputs: int, outputs: int, scale: float, noise: Noise) -> nn.Linear:
    """Return a linear map with normal weights, of a deviation of ``scale / sqrt(inputs)``, and no shift."""
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(noise.normal((outputs, inputs))) * (scale / math.sqrt(inputs)))
        layer.bias.zero_()
    return layer
