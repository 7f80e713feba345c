"""``image/vae``: auto-encoding variational Bayes (Kingma & Welling 2013, arXiv 1312.6114).

An encoder says which latents a picture may come from, a decoder what picture a latent gives; together they
maximise a lower bound of the data's likelihood. Latents are drawn from the prior, or from a mixture of Gaussians
fitted to where the pictures in fact lie; pictures of something have a mixture that depends on what they are of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from aigc_core import Alarm, Batch, Context, DataShape, Item, Loss, Noise, Phase, UsageError
from aigc_image.mixture_density import DensitySampler, Posteriors
from aigc_image.mixture_density import fit as fit_density
from aigc_image.mixture_sampling import MixtureSampled, presets
from aigc_image.networks import Conditioned, decoded, decoder, embedding, encoder
from aigc_image.options import VaeConfig, VaeOptions
from aigc_image.pictures import ANY
from aigc_image.recall import Familiar, Recall

#: A dimension is in use where its mean varies by more than this: Burda et al. 2016, section 5.2.
ACTIVE = 0.01
#: With so small a share of its dimensions in use, the latent has collapsed.
COLLAPSED = 0.1


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return ``KL(N(mean, variance) || N(0, 1))`` summed over dimensions, ``(B,)``.

    Kingma & Welling 2013, appendix B: ``-1/2 Σ (1 + log σ² - μ² - σ²)``.
    """
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1)


def active_units(mean: Tensor) -> Tensor:
    """Return how many dimensions of the latent depend on the picture, a scalar, from means ``(B, latent_dim)``.

    Those whose mean varies over pictures by more than 0.01: Burda et al. 2016, section 5.2; here over a batch.
    """
    return (mean.var(dim=0) > ACTIVE).float().sum()


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


def laplace(logits: Tensor, pictures: Tensor) -> Tensor:
    """Return ``-log Laplace(x; sigmoid(logits), b)``, summed, ``(B,)``, with the width b that is best for this batch.

    As ``gaussian``, with the closed form ``b = mean |error|``. An absolute error asks for the median of what a pixel
    may be and a square for the mean, so edges between flat colours stay edges.
    """
    error = (torch.sigmoid(logits) - pictures).abs().flatten(1)  # (B, C*H*W)
    width = error.mean().clamp_min(1e-3)
    return (error / width + (2 * width).log()).sum(dim=1)


def mse(logits: Tensor, pictures: Tensor) -> Tensor:
    """Return the squared error, summed, ``(B,)``: a Gaussian with ``σ² = 1/2``, but for a constant."""
    return (torch.sigmoid(logits) - pictures).square().flatten(1).sum(dim=1)


def _absolute_error(logits: Tensor, pictures: Tensor) -> Tensor:
    return (torch.sigmoid(logits) - pictures).abs().flatten(1).sum(dim=1)


RECONSTRUCTIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "bernoulli": bernoulli,
    "gaussian": gaussian,
    "laplace": laplace,
    "mse": mse,
}
#: Likelihoods whose width is fitted to the data: to each batch in training, to all of it for ``log_likelihood``.
FITTED = ("gaussian", "laplace")


class Vae(MixtureSampled):
    """An encoder and a decoder, trained on the evidence lower bound."""

    Config = VaeConfig
    PRESETS: ClassVar = presets(reconstruction="gaussian", beta_warmup=1000)
    optional = ("encoder.", "sampler.variance")
    recall: Recall | None = None

    def __init__(self, config: VaeConfig, data: DataShape) -> None:
        self.config = config
        sizes = (config.width, config.hidden, config.depth)
        self.networks = {
            "encoder": encoder(
                *(config.architecture, data.shape, 2 * config.latent_dim),
                *(config.encoder_width or config.width, config.hidden, config.depth),
            ),
            "decoder": decoder(config.architecture, config.latent_dim, data.shape, *sizes),
        }
        if data.vector:
            embedded = embedding(0, data.vector, config.embedding_dim)
            inputs = config.latent_dim + config.embedding_dim
            self.networks["decoder"] = Conditioned(embedded, decoder(config.architecture, inputs, data.shape, *sizes))
        self.vector = data.vector
        self.inference = ("decoder", "encoder")
        self.variance = 0.5
        self.phases = (Phase("elbo", ("encoder", "decoder")),)

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        """Return minus the ELBO, mean over the batch, with one latent a picture: Kingma & Welling 2013, eq. 10.

        ``beta`` weighs the divergence: Higgins et al. 2017 (beta-VAE), eq. 4.
        """
        # Sums over thousands of pixels and differences of near numbers want float32, whatever the networks compute in.
        mean, log_variance = context.networks["encoder"](batch.data).float().chunk(2, dim=1)  # (B, latent_dim) each
        noise = context.normal("latent", (self.config.latent_dim,))
        latent = mean + (0.5 * log_variance).exp() * noise
        logits = decoded(context.networks["decoder"], latent, self._told(batch)).float()  # (B, C, H, W)
        reconstruction = RECONSTRUCTIONS[self.config.reconstruction](logits, batch.data).mean()
        divergence = kl_divergence(mean, log_variance).mean()
        logs = {
            "reconstruction": reconstruction.detach(),
            "kl": divergence.detach(),
            "active_units": active_units(mean.detach()),
        }
        return Loss(reconstruction + self._beta(context) * divergence, logs)

    def _told(self, batch: Batch) -> Tensor | None:
        """Return the vectors of a batch, ``(B, D)``; labels say nothing here."""
        return batch.condition if self.vector else None

    @torch.compiler.disable  # it would be compiled anew for each step
    def _beta(self, context: Context) -> Tensor:
        """Return the weight of the divergence: rising over ``beta_warmup`` steps (Bowman et al. 2016, section 3.1)."""
        warmup = self.config.beta_warmup
        return torch.tensor(self.config.beta * min(1.0, (context.step + 1) / warmup if warmup else 1.0))

    def alarms(self, logs: Mapping[str, float]) -> Sequence[Alarm]:
        """Return what is wrong with the latents: that pictures hardly depend on them."""
        active, all_units = logs.get("elbo/active_units"), self.config.latent_dim
        if active is None or active > COLLAPSED * all_units:
            return []
        return [
            Alarm(
                "posterior collapse",
                f"{active:.3g} of {all_units} latent dimensions say anything of a picture (KL {logs['elbo/kl']:.3g})",
                "let beta rise slowly (beta_warmup), lower beta, or take reconstruction = gaussian",
            )
        ]

    def encode(self, data: Tensor) -> Tensor:
        """Return the means ``(B, latent_dim)`` of the latents that pictures ``(B, C, H, W)`` may come from."""
        return self._posterior(data)[0]

    def _posterior(self, data: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of ``q(z|x)``, ``(B, latent_dim)`` each."""
        mean, log_variance = self.encoder(data).chunk(2, dim=1)
        return mean, log_variance

    def log_likelihood(self, data: Tensor, noise: Noise, samples: int) -> tuple[Tensor, Tensor]:
        """Return lower bounds of ``log p(x)`` in nats, ``(B,)`` each: the ELBO and the tighter IWAE bound.

        ``log w = log p(x|z) + log p(z) - log q(z|x)`` for `samples` latents from ``q``; the ELBO is their mean, the
        other ``log(mean(w))``: Burda et al. 2016 (Importance weighted autoencoders), eq. 8. ``p(z)`` is the prior
        N(0, 1), whatever latents are drawn from, and ``p(x|z)`` is

        * ``bernoulli``: each value is a probability; a bound for binary pictures, a cross-entropy for grey ones.
        * ``gaussian``: a density of values in [0, 1], not of 8-bit steps, whose σ² was fitted to all training data.
        * ``laplace``: the same with its width b, kept as ``σ² = 2 b²``.
        * ``mse``: the same with σ² = 1/2, which is what the squared error stands for.

        Raises:
            UsageError: the model is conditioned by vectors, and says nothing of pictures without.
        """
        if self.vector:
            raise UsageError("the model is conditioned by vectors, and knows no likelihood of a picture alone")
        mean, log_variance = self._posterior(data)
        weights = []
        for _ in range(samples):
            eps = torch.from_numpy(noise.normal(tuple(mean.shape))).to(mean.device)
            latent = mean + (0.5 * log_variance).exp() * eps
            # The constants of p(z) and q(z|x) are the same, and -(z - mean)² / variance is -eps².
            ratio = 0.5 * (eps.square() + log_variance - latent.square()).sum(dim=1)
            weights.append(self._log_density(self.networks["decoder"](latent), data) + ratio)
        log_w = torch.stack(weights)  # (samples, B)
        return log_w.mean(dim=0), log_w.logsumexp(dim=0) - math.log(samples)

    def _log_density(self, logits: Tensor, data: Tensor) -> Tensor:
        """Return ``log p(x|z)``, ``(B,)``, every constant included."""
        if self.config.reconstruction == "bernoulli":
            return -bernoulli(logits, data)
        if self.config.reconstruction == "laplace":
            width = math.sqrt(self.variance / 2)
            return -(_absolute_error(logits, data) / width + data[0].numel() * math.log(2 * width))
        return -0.5 * (mse(logits, data) / self.variance + data[0].numel() * math.log(2 * math.pi * self.variance))

    def fit_sampler(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]:
        """Fit the mixture to latents of all pictures, and σ² of a ``gaussian`` or ``laplace`` decoder to its errors."""
        if self.config.reconstruction not in FITTED:
            return self._fit_mixture(data, seed)
        errors: list[Tensor] = []
        tensors = self._fit_mixture(self._watched(data, errors, Noise(seed, "sampler/variance")), seed)
        error = torch.cat(errors).double().mean().float()
        variance = 2 * error.square() if self.config.reconstruction == "laplace" else error
        self.variance = variance.item()
        return {**tensors, "variance": variance}

    def _fit_mixture(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]:
        """Fit the mixture; where pictures are told vectors, one that depends on them."""
        if not self.vector:
            return super().fit_sampler(data, seed)
        familiar = Familiar()
        told = []
        for batch in data:
            told.append((*self._posterior(batch.data), batch.condition))
            if self.config.recall:
                familiar.watch(batch)
        means, log_variances, vectors = (torch.cat(part).float().cpu() for part in zip(*told, strict=True))
        posteriors = Posteriors(means, (0.5 * log_variances).exp(), vectors)
        tensors = fit_density(posteriors, self.config.components, seed)
        self.mixture = DensitySampler(tensors)
        return {**tensors, "known": familiar.vectors()} if self.config.recall else tensors

    def _watched(self, data: Iterator[Batch], errors: list[Tensor], noise: Noise) -> Iterator[Batch]:
        """Pass batches on, and put the mean error of each picture, squared or absolute, into `errors`."""
        error = _absolute_error if self.config.reconstruction == "laplace" else mse
        for batch in data:
            logits = decoded(self.networks["decoder"], self.codes(batch, noise), self._told(batch))
            errors.append(error(logits, batch.data) / batch.data[0].numel())
            yield batch

    def sampler_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes of the mixture's tensors, and of σ² where it is fitted."""
        fitted: Mapping[str, tuple[int, ...]] = {"variance": ()} if self.config.reconstruction in FITTED else {}
        sizes = self.config.components, self.config.latent_dim
        mixture = DensitySampler.shapes(self.vector, *sizes) if self.vector else super().sampler_shapes()
        known: Mapping[str, tuple[int, ...]] = {"known": (ANY, self.vector)} if self._recalls() else {}
        return {**mixture, **known, **fitted}

    def _recalls(self) -> bool:
        return bool(self.vector and self.config.recall)

    def load_sampler(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the mixture's tensors, and σ² where it was fitted."""
        mixture = dict(tensors)
        if (variance := mixture.pop("variance", None)) is not None:
            self.variance = variance.item()
        if self.vector:
            self.recall = Recall(mixture.pop("known")) if self._recalls() else None
            self.mixture = DensitySampler(mixture)
        else:
            super().load_sampler(mixture)

    def told(self, items: Sequence[Item]) -> Tensor | None:
        """Return what each item is told: what it asks for, or what that is taken for, ``(B, D)``.

        Raises:
            UsageError: the model does not know what it has learnt, and is to take what is asked for as that.
        """
        asked = super().told(items)
        sharpness = items[0].options.recall
        if self.recall is None and sharpness:
            raise UsageError(
                "the model has not kept what it has learnt", hint="leave recall out, or train it with: --set recall=100"
            )
        sharpness = self.config.recall if sharpness is None else sharpness
        if self.recall is None or asked is None or not sharpness:
            return asked
        drawn = [self.recall.draw(one, sharpness, item.noise) for one, item in zip(asked.numpy(), items, strict=True)]
        return torch.from_numpy(np.stack(drawn))

    def codes(self, batch: Batch, noise: Noise) -> Tensor:
        """Draw a latent from the encoder for each picture: together, a sample of the aggregated posterior."""
        mean, log_variance = self._posterior(batch.data)
        eps = torch.from_numpy(noise.normal(tuple(mean.shape))).to(mean.device)
        return mean + (0.5 * log_variance).exp() * eps

    def latent(self, noise: Noise, options: VaeOptions, condition: Any = None) -> Any:
        """Draw from the prior N(0, 1) or from the mixture, that of `condition` if it is a vector: ``(latent_dim,)``."""
        if (options.sampler or self.config.sampler) == "prior":
            return noise.normal(self.config.latent_dim) * np.float32(options.temperature)
        return super().latent(noise, options, condition)
