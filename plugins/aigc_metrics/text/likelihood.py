"""``perplexity`` and ``judge``: how likely the model holds real texts to be, and another model what it makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aigc_core import Evidence, Measured, Noise, TextData, UsageError, bootstrap_mean
from aigc_metrics.text.options import JudgeOptions, PerplexityOptions
from aigc_metrics.text.resampling import percentiles, scores_of_resamples

CHUNK = 32


@dataclass(frozen=True)
class Likelihoods:
    """What a model says of texts.

    Attributes:
        elbo, tighter: two bounds of ``-log p`` from above, nats a text ``(N,)``; of an exact model the same twice.
        tokens: how many it has each of, their ends included, ``(N,)``.
        size: bytes in UTF-8, ``(N,)``.
    """

    elbo: NDArray[np.float64]
    tighter: NDArray[np.float64]
    tokens: NDArray[np.float64]
    size: NDArray[np.float64]

    @property
    def exact(self) -> bool:
        """Whether these are likelihoods themselves."""
        return bool((self.elbo == self.tighter).all())

    @property
    def rows(self) -> NDArray[np.float64]:
        """Nats, tokens and bytes of each text, ``(N, 3)``."""
        return np.stack([self.tighter, self.tokens, self.size], axis=1)


def texts_with_all(evidence: Evidence, most: int) -> TextData:
    """Return real texts with what the model is steered by: what they were made of, or their labels."""
    texts: list[str] = evidence.items("reference")[:most]
    transforms = evidence.sources("generated") is not None
    sources = evidence.sources("reference") if transforms else None
    labels = evidence.conditions("reference") if evidence.labels else None
    return TextData(
        texts,
        None if sources is None else sources[:most],
        None if labels is None else labels[:most],
        () if labels is None else evidence.labels,
    )


@torch.inference_mode()
def likelihoods(component: Any, texts: TextData, noise: Noise, samples: int) -> Likelihoods:
    """Ask a component with ``log_likelihood`` and ``token_counts`` about texts, some at a time."""
    bounds = []
    tokens: list[int] = []
    for start in range(0, len(texts), CHUNK):
        part = texts.some(np.arange(start, min(start + CHUNK, len(texts))))
        bounds.append(component.log_likelihood(part, noise, samples))
        tokens += component.token_counts(part)
    elbo, tighter = (-torch.cat(parts).double().numpy() for parts in zip(*bounds, strict=True))
    size = [len(text.encode()) for text in texts.texts]
    return Likelihoods(elbo, tighter, np.array(tokens, np.float64), np.array(size, np.float64))


def perplexity_of(sums: NDArray[np.float64]) -> float:
    """Return ``exp(nats / tokens)`` of sums over texts: nats, tokens, bytes."""
    return math.exp(sums[0] / sums[1])


def bits_per_byte_of(sums: NDArray[np.float64]) -> float:
    """Return ``nats / (bytes · ln 2)`` of sums over texts. It does not depend on the tokenizer."""
    return float(sums[0] / (sums[2] * math.log(2)))


_PER_UNIT: Sequence[tuple[str, Callable[[NDArray[np.float64]], float]]] = (
    ("perplexity", perplexity_of),
    ("bits per byte", bits_per_byte_of),
)


def perplexity(evidence: Evidence, options: PerplexityOptions) -> Iterator[Measured]:
    """Yield perplexity per token, bits per byte and nats per text; lower is better.

    Where the model has a latent, they are bounds from above: the ELBO of Kingma & Welling 2013, eq. 3, and the
    importance-weighted one of Burda et al. 2016, eq. 8, from which perplexity and bits per byte are worked out.
    """
    if not callable(getattr(evidence.component, "token_counts", None)):
        raise UsageError("the model does not say how many tokens its likelihood is over")
    found = likelihoods(
        evidence.component, texts_with_all(evidence, options.most), evidence.noise("perplexity"), options.samples
    )
    bound = "exact" if found.exact else f"IWAE-{options.samples}"
    for name, values in (
        [("NLL", found.tighter)] if found.exact else [("NLL by ELBO", found.elbo), (f"NLL by {bound}", found.tighter)]
    ):
        interval = bootstrap_mean(values, evidence.noise(name), evidence.resamples)
        yield Measured(name, float(values.mean()), n=len(values), interval=interval, better="lower")
    yield from _per_unit(evidence, found, "", None, {"likelihood": bound})


def judge(evidence: Evidence, options: JudgeOptions) -> Iterator[Measured]:
    """Yield how likely another model holds what was made to be; ``real`` is the same of real texts.

    A text that says the same over and over is likely, too: look at ``repetition`` beside it.
    """
    if not options.model:
        raise UsageError("name the model that judges: judge model=NAME")
    asked = evidence.judge(options.model)
    for need in ("log_likelihood", "token_counts"):
        if not callable(getattr(asked.component, need, None)):
            raise UsageError(f"{asked.name} cannot judge: it has no {need}")

    def of(part: Any) -> Likelihoods | None:
        texts = [text for text in evidence.items(part)[: options.most] if text]
        noise = evidence.noise(f"judge/{part}")
        return likelihoods(asked.component, TextData(texts), noise, options.samples) if texts else None

    found, real = of("generated"), of("floor") if evidence.has("floor") else None
    if found is None:
        raise UsageError("every text that was made is empty")
    # Numbers of other weights under the same name have another name.
    yield from _per_unit(evidence, found, f" by {asked.name}@{asked.sha256[:8]}", real, {})


def _per_unit(
    evidence: Evidence, found: Likelihoods, suffix: str, real: Likelihoods | None, details: dict[str, Any]
) -> Iterator[Measured]:
    for name, score in _PER_UNIT:
        (again,) = scores_of_resamples(evidence, name + suffix, score, found.rows)
        yield Measured(
            name + suffix,
            score(found.rows.sum(axis=0)),
            n=len(found.rows),
            interval=percentiles(again),
            better="lower",
            floor=None if real is None else score(real.rows.sum(axis=0)),
            floor_n=None if real is None else len(real.rows),
            details={**details, "tokens": int(found.tokens.sum()), "bytes": int(found.size.sum())},
        )
