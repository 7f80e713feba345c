"""What a classifier says of what was made: how sure and how varied, and whether it is what was asked for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aigc_core import Evidence, Measured, bootstrap_mean, bootstrap_normal, draw_counts

Probabilities = NDArray[np.floating]


def score(probabilities: Probabilities, counts: NDArray[np.float64] | None = None) -> float:
    """Return ``exp(E[KL(p(y|x) ‖ p(y))])`` of rows ``(N, K)``, each counted so many times (default: once).

    Salimans et al. 2016 (Improved techniques for training GANs), section 4, where the classifier is Inception and it
    is called the inception score. From 1 to K.
    """
    p = np.asarray(probabilities, np.float64)
    weights = np.full(len(p), 1 / len(p)) if counts is None else counts / counts.sum()
    logs = np.log(np.maximum(p, np.finfo(np.float64).tiny))
    marginal = weights @ p
    entropy = -(marginal * np.log(np.maximum(marginal, np.finfo(np.float64).tiny))).sum()
    return float(np.exp(entropy + weights @ (p * logs).sum(axis=1)))


def classifier_score(evidence: Evidence, options: None) -> Iterator[Measured]:
    """Yield the classifier score, higher is better, with that of real items as its floor."""
    p = evidence.probabilities("generated")
    noise = evidence.noise(f"classifier-score/{evidence.space}")
    value = score(p)
    yield Measured(
        "classifier score",
        value,
        n=len(p),
        interval=bootstrap_normal(value, lambda: score(p, draw_counts(len(p), noise)), evidence.resamples, at_least=1),
        better="higher",
        floor=score(evidence.probabilities("floor")) if evidence.has("floor") else None,
    )


def label_accuracy(evidence: Evidence, options: None) -> Iterator[Measured]:
    """Yield the share of items that the classifier takes for what they were made to be; higher is better."""
    right = _right(evidence, "generated")
    assert right is not None
    floor = _right(evidence, "floor") if evidence.has("floor") else None
    yield Measured(
        "label accuracy",
        float(right.mean()),
        n=len(right),
        interval=bootstrap_mean(right, evidence.noise(f"label-accuracy/{evidence.space}"), evidence.resamples),
        better="higher",
        floor=float(floor.mean()) if floor is not None else None,
    )


def _right(evidence: Evidence, part: object) -> NDArray[np.float64] | None:
    asked = evidence.conditions(part)
    if asked is None:
        return None
    place = np.array([evidence.classes.index(label) for label in evidence.labels])
    return (evidence.probabilities(part).argmax(axis=1) == place[asked]).astype(np.float64)
