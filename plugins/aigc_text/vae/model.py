"""``text/vae``: a sequence VAE with a Gaussian latent (Bowman et al. 2016, arXiv 1511.06349).

An encoder says which latents a text may come from, a decoder what texts a latent gives; together they maximise a
lower bound of the data's likelihood. With pairs of texts the decoder also reads the source, and the latent stands for
what the source leaves open: a conditional VAE (Sohn et al. 2015), which summarises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from aigc_core import Alarm, Batch, Context, DataShape, Loss, Noise, Phase, TextData, UsageError
from aigc_text.tokenizer import TOKENIZER
from aigc_text.vae.beam import Beams
from aigc_text.vae.collapse import Annealing, FreeBits
from aigc_text.vae.examples import Sentences
from aigc_text.vae.generator import VaeGenerator
from aigc_text.vae.likelihood import LatentStatistics, active_units, bounds, kl_divergence, statistics
from aigc_text.vae.options import VaeConfig

#: With so small a share of its dimensions in use, the latent has collapsed.
COLLAPSED = 0.1
#: Texts that are read at once where nothing has to be the same bytes whatever stands beside it.
AT_ONCE = 64


def _preset(minutes: float, lr: float, **config: Any) -> Mapping[str, Mapping[str, Any]]:
    training = {"batch": 32, "lr": lr, "schedule": "cosine", "warmup": 100, "clip": 5.0}
    return {"config": config, "training": {**training, "minutes": minutes}}


class Vae(VaeGenerator):
    """An encoder and a decoder of texts, trained on the evidence lower bound."""

    Config = VaeConfig
    PRESETS: ClassVar = {
        "tiny": _preset(5, 4e-3, embedding=128, hidden=128, encoder_hidden=64),
        "small": _preset(20, 4e-3),
        "base": _preset(120, 2e-3, embedding=512, hidden=512, encoder_hidden=256),
    }
    inference = ("decoder", "encoder")
    phases = (Phase("elbo", ("encoder", "decoder")),)

    def __init__(self, config: VaeConfig, data: DataShape) -> None:
        super().__init__(config, data)
        self.networks = {"encoder": self.encoder, "decoder": self.decoder}
        self.annealing = Annealing(config.annealing, config.annealing_steps, config.cycles, config.beta)
        self.free_bits = FreeBits(config.free_bits, config.free_bits_of)

    @classmethod
    def examples(cls, config: VaeConfig, texts: TextData, files: Mapping[str, bytes] | None = None) -> Sentences:
        """Return `texts` as examples, and their tokenizer: that of `files`, or one made of them.

        Raises:
            UsageError: nothing can be learnt from them.
        """
        if len(texts) == 1 and not files:
            raise UsageError("there is only one text", hint="give a file with a text a line")
        return Sentences(config, texts, files)

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        """Return minus the ELBO, mean over the batch, with one latent a text: Kingma & Welling 2013, eq. 10."""
        mean, log_variance = context.networks["encoder"](batch.data, batch.condition)  # (B, latent_dim) each
        warming = context.step < self.config.warm_start
        latent = mean
        if not warming:
            latent = mean + (0.5 * log_variance).exp() * context.normal("latent", (self.config.latent_dim,))
        log_p = context.networks["decoder"](  # (B, T)
            batch.data, latent, batch.condition, batch.source, self._seen(batch.data, context)
        )
        reconstruction = -log_p.sum(dim=1).mean()
        divergence = kl_divergence(mean, log_variance)  # (B, latent_dim)
        logs = {
            "reconstruction": reconstruction.detach(),
            "kl": divergence.detach().sum(dim=1).mean(),
            "active_units": active_units(mean.detach()),
        }
        weight = 0.0 if warming else self.annealing.weight(context.step - self.config.warm_start)
        return Loss(reconstruction + weight * self.free_bits.charged(divergence), logs)

    def _seen(self, tokens: Tensor, context: Context) -> Tensor | None:
        """Draw which of the words before the decoder may look at: word dropout, Bowman et al. 2016, section 3.2."""
        if not self.config.word_dropout:
            return None
        return context.uniform("words", (tokens.shape[1],)) >= self.config.word_dropout

    def alarms(self, logs: Mapping[str, float]) -> Sequence[Alarm]:
        """Return what is wrong with the latents: that texts hardly depend on them."""
        active, all_units = logs.get("elbo/active_units"), self.config.latent_dim
        if active is None or active > COLLAPSED * all_units:
            return []
        return [
            Alarm(
                "posterior collapse",
                f"{active:.3g} of {all_units} latent dimensions say anything of a text (KL {logs['elbo/kl']:.3g})",
                "hold the spread of the means (gamma = 0.6), or let some divergence cost nothing (free_bits)",
            )
        ]

    def fit_sampler(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]:
        """Put the mean and variance of all texts in the place of the running ones, which lag behind the weights.

        Latents are drawn from the prior, for which nothing needs fitting.
        """
        if (spread := self.encoder.spread) is not None:
            free = torch.cat([self.encoder.free(batch.data, batch.condition)[0] for batch in data])
            spread.settle(free.mean(dim=0), free.var(dim=0, correction=0))
        return {}

    @torch.inference_mode()
    def log_likelihood(self, texts: Sequence[str] | TextData, noise: Noise, samples: int) -> tuple[Tensor, Tensor]:
        """Return lower bounds of ``log p(x)`` in nats a text, ``(N,)`` each: the ELBO and the tighter IWAE bound.

        See ``likelihood.bounds``. No text is cut. `texts` are with sources, labels or vectors where the model is
        steered by them.
        """
        examples = self._examples(texts)
        found = []
        for place in range(len(examples)):
            batch = examples.batch(np.array([place]))
            mean, log_variance = self.encoder(batch.data, batch.condition)

            def log_p(latent: Tensor, batch: Batch = batch) -> Tensor:
                count, given = len(latent), batch.condition
                condition = None if given is None else given.expand(count, *given.shape[1:])
                every: Tensor = self.decoder(batch.data.expand(count, -1), latent, condition, batch.source)
                return every.sum(dim=1)

            found.append(bounds(mean[0], log_variance[0], log_p, batch.data.shape[1], noise, samples))
        elbo, tighter = torch.tensor(found).T
        return elbo, tighter

    def token_counts(self, texts: Sequence[str] | TextData) -> list[int]:
        """Return how many tokens each text has, its end included: what a likelihood is over."""
        return self._examples(texts).token_counts

    @torch.inference_mode()
    def latent_statistics(self, texts: Sequence[str] | TextData, noise: Noise) -> LatentStatistics:
        """Return divergence, mutual information and active units of texts; see ``likelihood.statistics``."""
        examples = self._examples(texts)
        read = [self.encoder(batch.data, batch.condition) for batch in examples.batches(AT_ONCE)]
        mean, log_variance = (torch.cat(parts) for parts in zip(*read, strict=True))
        return statistics(mean, log_variance, noise)

    @torch.inference_mode()
    def reconstruct(self, texts: Sequence[str] | TextData) -> list[str]:
        """Return each text made again from the mean of its latent, word by word the likeliest."""
        greedy = Beams(1, self.data.shape[0])
        made = []
        for batch in self._examples(texts).batches(AT_ONCE):
            mean, _ = self.encoder(batch.data, batch.condition)
            writing = self.decoder.begin(mean, batch.condition, batch.source)
            made += [self.tokenizer.decode(tokens) for tokens, _ in greedy.search(self.decoder, writing)]
        return made

    def _examples(self, texts: Sequence[str] | TextData) -> Sentences:
        given = texts if isinstance(texts, TextData) else TextData(texts)
        for name, wanted, there in (
            ("sources", self.summarises, given.sources),
            ("labels", self.data.labels, given.labels),
            ("vectors", self.data.vector, given.vectors),
        ):
            if wanted and there is None:
                raise UsageError(f"this model was trained on texts with {name}, and these have none")
        return Sentences(self.config, given, {TOKENIZER: self.data.files[TOKENIZER]}, cut=False)
