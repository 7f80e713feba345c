"""A mixture of Gaussians with full covariances: what latents are drawn from when the codes are not normal.

Fitted by expectation maximisation (Dempster et al. 1977; Bishop 2006, section 9.2.2) from a k-means++ start (Arthur
& Vassilvitskii 2007), in float64. Everything random comes from noise streams, so one seed gives one mixture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aigc_core import Noise, UsageError

#: Rows whose densities are worked out at once: keeps 100 components of 16 dimensions within 60 MB.
CHUNK = 4096

#: Added to the diagonal of each covariance, as a share of the data's mean variance, so that none collapses.
RIDGE = 1e-4


@dataclass(frozen=True, slots=True)
class GaussianMixture:
    """K Gaussians in D dimensions.

    Attributes:
        weights: ``(K,)``, sum 1.
        means: ``(K, D)``.
        choleskys: lower triangular ``(K, D, D)`` with ``covariance = L @ L.T``.
    """

    weights: Tensor
    means: Tensor
    choleskys: Tensor

    @staticmethod
    def shapes(components: int, dim: int) -> Mapping[str, tuple[int, ...]]:
        """Return the shapes of ``tensors()``."""
        return {
            "weights": (components,),
            "means": (components, dim),
            "choleskys": (components, dim, dim),
        }

    def padded(self, components: int) -> GaussianMixture:
        """Return the same mixture with so many Gaussians; those added have no weight, and are never drawn."""
        missing = components - len(self.weights)
        if missing <= 0:
            return self
        fillers = (each[:1].expand(missing, *each.shape[1:]) for each in (self.means, self.choleskys))
        means, choleskys = (torch.cat(pair) for pair in zip((self.means, self.choleskys), fillers, strict=True))
        return GaussianMixture(torch.cat([self.weights, self.weights.new_zeros(missing)]), means, choleskys)

    def tensors(self) -> Mapping[str, Tensor]:
        """Return all there is to store, in float32."""
        return {
            "weights": self.weights.float(),
            "means": self.means.float(),
            "choleskys": self.choleskys.float(),
        }

    def log_joint(self, x: Tensor) -> Tensor:
        """Return ``log(weight_k N(x_n; mean_k, covariance_k))``, ``(N, K)``, for ``x`` of ``(N, D)``."""
        components, dim = self.means.shape
        identity = torch.eye(dim, dtype=x.dtype).expand(components, dim, dim)
        inverses = torch.linalg.solve_triangular(self.choleskys, identity, upper=False)  # (K, D, D)
        # With y = inverse(L) (x - mean), the Mahalanobis distance is |y|²: Bishop 2006, eq. 2.44.
        flat = inverses.reshape(components * dim, dim)  # (K*D, D)
        shift = (inverses @ self.means.unsqueeze(2)).reshape(1, components * dim)
        distance = (x @ flat.T - shift).square().unflatten(1, (components, dim)).sum(dim=2)  # (N, K)
        log_scale = self.choleskys.diagonal(dim1=1, dim2=2).log().sum(dim=1)  # (K,)
        return self.weights.log() - 0.5 * (distance + dim * math.log(2 * math.pi)) - log_scale

    def log_likelihood(self, x: Tensor) -> Tensor:
        """Return the log density of each row of ``x``, ``(N,)``."""
        return torch.cat([self.log_joint(rows).logsumexp(dim=1) for rows in x.split(CHUNK)])

    def sampler(self) -> MixtureSampler:
        """Return what draws from this mixture, one item at a time."""
        return MixtureSampler(*(tensor.double().numpy() for tensor in self.tensors().values()))


class MixtureSampler:
    """Draws from a mixture, in numpy and item by item: no matrix kernel whose choice depends on a batch.

    Args:
        weights: ``(K,)``; they are made to sum to 1 (stored weights may be rounded).
        means: ``(K, D)``.
        choleskys: ``(K, D, D)``.
    """

    def __init__(self, weights: Any, means: Any, choleskys: Any) -> None:
        self._cumulative = np.cumsum(weights) / np.sum(weights)
        self._means = means
        self._choleskys = choleskys

    def given(self, condition: Any) -> MixtureSampler:
        """Return this mixture: it is the same, whatever the picture is of."""
        return self

    @cached_property
    def deviation(self) -> Any:
        """Standard deviation of the whole mixture, float32 ``(D,)``: within its components and between them."""
        weights = np.diff(self._cumulative, prepend=0)[:, None]  # (K, 1)
        mean = (weights * self._means).sum(axis=0)  # (D,)
        within = (self._choleskys**2).sum(axis=2)  # (K, D), the diagonals of L @ L.T
        return np.sqrt((weights * (within + (self._means - mean) ** 2)).sum(axis=0)).astype(np.float32)

    def draw(self, noise: Noise, temperature: float = 1.0) -> Any:
        """Draw one latent, float32 ``(D,)``: a component, then ``mean + temperature * L @ eps``."""
        last = len(self._cumulative) - 1
        component = min(int(np.searchsorted(self._cumulative, noise.uniform(), side="right")), last)
        spread = (self._choleskys[component] * noise.normal(self._means.shape[1])).sum(axis=-1)
        return (self._means[component] + temperature * spread).astype(np.float32)


def fit(x: Tensor, components: int, seed: int, *, steps: int = 100, tolerance: float = 1e-4) -> GaussianMixture:
    """Fit a mixture to the rows of ``x``, ``(N, D)``.

    Args:
        x: the data; taken to float64.
        components: K, at most N.
        seed: of the start.
        steps: at most so many rounds of expectation and maximisation.
        tolerance: stop when the mean log likelihood rises by less.

    Raises:
        UsageError: there are fewer rows than components, or a number is not finite.
    """
    if len(x) < components:
        raise UsageError(
            f"a mixture of {components} Gaussians cannot be fitted to {len(x)} examples",
            hint=f"set components to {len(x)} or less, or give more data",
        )
    if not x.isfinite().all():
        raise UsageError("a mixture cannot be fitted to codes that are not finite", hint="the training has diverged")
    x = x.double()
    ridge = RIDGE * x.var(dim=0, correction=0).mean().clamp_min(1e-12)
    nearest = torch.cdist(x, _spread_out(x, components, Noise(seed, "sampler/start"))).argmin(dim=1)
    hard = torch.nn.functional.one_hot(nearest, components).double()
    mixture = _maximise(zip(x.split(CHUNK), hard.split(CHUNK), strict=True), ridge)
    before = -math.inf
    for _ in range(steps):
        likelihoods: list[Tensor] = []
        mixture = _maximise(_expect(mixture, x, likelihoods), ridge)
        mean = float(torch.cat(likelihoods).mean())
        if mean - before < tolerance:
            break
        before = mean
    return mixture


def _spread_out(x: Tensor, count: int, noise: Noise) -> Tensor:
    """Choose `count` rows, each with probability proportional to its squared distance from those chosen."""
    chosen = [int(noise.choice(len(x)))]
    distance = torch.full((len(x),), math.inf, dtype=x.dtype)
    while len(chosen) < count:
        distance = torch.minimum(distance, (x - x[chosen[-1]]).square().sum(dim=1))
        cumulative = distance.cumsum(dim=0)
        place = torch.searchsorted(cumulative, float(noise.uniform()) * cumulative[-1], right=True)
        chosen.append(min(int(place), len(x) - 1))
    return x[chosen]


def _expect(mixture: GaussianMixture, x: Tensor, likelihoods: list[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield rows and their responsibilities ``(n, K)`` (Bishop 2006, eq. 9.23), chunk by chunk."""
    for rows in x.split(CHUNK):
        joint = mixture.log_joint(rows)
        likelihood = joint.logsumexp(dim=1, keepdim=True)
        likelihoods.append(likelihood.squeeze(1))
        yield rows, (joint - likelihood).exp()


def _maximise(parts: Iterator[tuple[Tensor, Tensor]], ridge: Tensor) -> GaussianMixture:
    """Return the mixture that fits rows with responsibilities best: Bishop 2006, eq. 9.24 to 9.26."""
    counts: Any = 0.0
    sums: Any = 0.0
    squares: Any = 0.0
    for rows, shares in parts:
        outer = (rows.unsqueeze(2) * rows.unsqueeze(1)).flatten(1)  # (n, D*D)
        counts = counts + shares.sum(dim=0)
        sums = sums + shares.T @ rows
        squares = squares + shares.T @ outer
    dim = sums.shape[1]
    counts = counts.clamp_min(1e-10)
    means = sums / counts.unsqueeze(1)  # (K, D)
    covariances = (squares / counts.unsqueeze(1)).unflatten(1, (dim, dim))
    covariances = covariances - means.unsqueeze(2) * means.unsqueeze(1) + ridge * torch.eye(dim, dtype=sums.dtype)
    return GaussianMixture(counts / counts.sum(), means, torch.linalg.cholesky(covariances))
