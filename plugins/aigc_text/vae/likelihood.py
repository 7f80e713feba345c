"""How likely a model holds texts to be, and how much of each its latent knows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from aigc_core import Noise

#: A dimension is in use where its mean varies by more than this: Burda et al. 2016 (arXiv 1509.00519), section 5.2.
ACTIVE = 0.01
#: Tokens of a text that are looked at together, over all its samples: what fits into a core's cache.
AT_ONCE = 4096


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return ``KL(N(mean, variance) || N(0, 1))`` of each dimension, ``(B, latent_dim)``.

    Kingma & Welling 2013 (arXiv 1312.6114), appendix B: ``-1/2 (1 + log σ² - μ² - σ²)``.
    """
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp())


def active_units(mean: Tensor) -> Tensor:
    """Return how many dimensions of the latent depend on the text, a scalar, from means ``(B, latent_dim)``.

    Those whose mean varies over texts by more than 0.01: ``Cov_x(E[z|x]) > 0.01``, Burda et al. 2016, section 5.2.
    """
    return (mean.var(dim=0, correction=0) > ACTIVE).float().sum()


def bounds(
    mean: Tensor, log_variance: Tensor, log_p: Callable[[Tensor], Tensor], length: int, noise: Noise, samples: int
) -> tuple[float, float]:
    """Return lower bounds of ``log p(x)`` of one text in nats: the ELBO and the tighter IWAE bound.

    ``log w = log p(x|z) + log p(z) - log q(z|x)`` for `samples` latents from ``q``; the ELBO is their mean, the other
    ``log(mean(w))``: Burda et al. 2016 (arXiv 1509.00519), eq. 8.

    Args:
        mean, log_variance: of ``q(z|x)``, ``(latent_dim,)`` each.
        log_p: gives ``log p(x|z)`` for latents ``(N, latent_dim)``, ``(N,)``.
        length: tokens of the text.
        noise: latents are drawn from it.
    """
    eps = torch.from_numpy(noise.normal((samples, len(mean))))
    latent = mean + (0.5 * log_variance).exp() * eps  # (samples, latent_dim)
    # The constants of p(z) and q(z|x) are the same, and -(z - mean)² / variance is -eps².
    ratio = 0.5 * (eps.square() + log_variance - latent.square()).sum(dim=1)
    together = max(1, AT_ONCE // length)
    log_w = torch.cat([log_p(part) for part in torch.split(latent, together)]).double() + ratio.double()
    return log_w.mean().item(), (log_w.logsumexp(dim=0) - math.log(samples)).item()


@dataclass(frozen=True, slots=True)
class LatentStatistics:
    """What the latents of some texts are like.

    Attributes:
        kl: mean ``KL(q(z|x) || p(z))`` over texts, in nats: the second term of the ELBO.
        mutual_information: of text and latent under ``q``, in nats; at most the log of the number of texts.
        active_units: dimensions that depend on the text.
        latent_dim: dimensions there are.
        texts: how many were looked at.
    """

    kl: float
    mutual_information: float
    active_units: int
    latent_dim: int
    texts: int


def statistics(mean: Tensor, log_variance: Tensor, noise: Noise) -> LatentStatistics:
    """Return the statistics of texts whose posteriors have `mean` and `log_variance`, ``(N, latent_dim)`` each.

    The mutual information is ``E_x E_q(z|x) [log q(z|x) - log q(z)]`` with the aggregate posterior
    ``q(z) = 1/N Σ q(z|x_n)`` of the same texts (Hoffman & Johnson 2016, ELBO surgery, section 2), estimated with one
    latent a text (He et al. 2019, arXiv 1901.05534, section 4). Their code takes the first term in closed form; here
    it is that of the same latents as the second, which takes most of the estimate's noise away.
    """
    eps = torch.from_numpy(noise.normal(tuple(mean.shape))).double()
    mean, log_variance = mean.double(), log_variance.double()
    latent = mean + (0.5 * log_variance).exp() * eps
    own = -0.5 * (eps.square() + math.log(2 * math.pi) + log_variance).sum(dim=1)  # (N,)
    aggregate = torch.cat([_log_aggregate(part, mean, log_variance) for part in torch.split(latent, 256)])  # (N,)
    return LatentStatistics(
        kl_divergence(mean, log_variance).sum(dim=1).mean().item(),
        (own - aggregate).mean().item(),
        int(active_units(mean)),
        mean.shape[1],
        len(mean),
    )


def _log_aggregate(latent: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return ``log q(z)`` of latents ``(M, latent_dim)`` under the mixture of N posteriors, ``(M,)``."""
    weight = (-log_variance).exp()  # (N, latent_dim)
    # Σ (z - μ)² / σ² taken apart, so that no (M, N, latent_dim) is ever made.
    square = latent.square() @ weight.T - 2 * latent @ (mean * weight).T + (mean.square() * weight).sum(dim=1)
    constant = log_variance.sum(dim=1) + mean.shape[1] * math.log(2 * math.pi)
    return (-0.5 * (square + constant)).logsumexp(dim=1) - math.log(len(mean))
