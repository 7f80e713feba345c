"""How well pictures and texts find each other in a joint space, and what that space looks like.

Ties count against the model: the rank of the true one is the number of others that are at least as similar, and one.
Otherwise a space in which all is one point would find everything first.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aigc_core import Interval, Measured, PairEvidence, bootstrap_mean, draw_counts
from aigc_crossmodal.options import RetrievalOptions

#: Similarities that are worked out at once.
AT_ONCE = 256


def ranks(queries: NDArray[np.float32], gallery: NDArray[np.float32], true: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the rank of the first true answer to each query, from 1, ``(Q,)``.

    Args:
        queries: ``(Q, D)``.
        gallery: ``(G, D)``; similarity is the scalar product.
        true: which of the gallery answer which query, ``(Q, G)``, at least one each.
    """
    found = np.empty(len(queries), np.int64)
    for start in range(0, len(queries), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        similarity = queries[rows] @ gallery.T  # (q, G)
        best = np.where(true[rows], similarity, -np.inf).max(axis=1, keepdims=True)
        found[rows] = ((similarity >= best) & ~true[rows]).sum(axis=1) + 1
    return found


def retrieval(evidence: PairEvidence, options: RetrievalOptions) -> Iterator[Measured]:
    """Yield recall@k, median rank and mean reciprocal rank, texts looking for pictures and pictures for texts."""
    true = np.zeros((len(evidence.captions), len(evidence.pictures)), np.bool_)
    true[evidence.caption_of, evidence.picture_of] = True
    directions = {
        "text→image": (evidence.captions, evidence.pictures, true),
        "image→text": (evidence.pictures, evidence.captions, true.T),
    }
    for direction, (queries, gallery, answers) in directions.items():
        found = ranks(queries, gallery, answers)
        details = {"gallery": len(gallery)}
        for k in options.k:
            hits = (found <= k).astype(np.float64)
            interval = bootstrap_mean(hits, evidence.noise(f"{direction}/{k}"), evidence.resamples)
            chance = float(1 - (1 - min(k / len(gallery), 1)) ** answers.sum(axis=1).mean())
            told = {**details, "chance": round(chance, 4)}
            yield Measured(f"recall@{k} {direction}", hits.mean(), len(found), interval, "higher", details=told)
        reciprocal = 1 / found
        interval = bootstrap_mean(reciprocal, evidence.noise(f"{direction}/mrr"), evidence.resamples)
        yield Measured(f"MRR {direction}", reciprocal.mean(), len(found), interval, "higher", details=details)
        median = float(np.median(found))
        interval = _of_median(found, evidence, direction)
        yield Measured(f"median rank {direction}", median, len(found), interval, "lower", details=details)


def _of_median(found: NDArray[np.int64], evidence: PairEvidence, direction: str) -> Interval:
    noise = evidence.noise(f"{direction}/median")
    ordered = np.sort(found)
    half = (len(found) + 1) // 2
    counts = (draw_counts(len(found), noise) for _ in range(evidence.resamples))
    medians = [ordered[np.searchsorted(np.cumsum(count), half)] for count in counts]
    low, high = np.quantile(medians, (0.025, 0.975))
    return Interval(float(low), float(high), f"percentile bootstrap, {evidence.resamples} resamples")


def geometry(evidence: PairEvidence, options: None) -> Iterator[Measured]:
    """Yield what the space looks like.

    Modality gap: the distance of the two means (Liang et al. 2022, Mind the gap, section 2). Alignment: the mean
    squared distance of pairs; uniformity: ``log E exp(-2 ‖x - y‖²)`` of what is in a modality, lower where it fills the
    sphere (Wang & Isola 2020, Understanding contrastive representation learning, section 4.1). Spread: the standard
    deviation of the entries times √D, 1 on a full sphere, 0 where all is one point.
    """
    pictures, captions = (part.astype(np.float64) for part in (evidence.pictures, evidence.captions))
    n = len(evidence.picture_of)
    apart = ((pictures[evidence.picture_of] - captions[evidence.caption_of]) ** 2).sum(axis=1)
    yield Measured("modality gap", float(np.linalg.norm(pictures.mean(axis=0) - captions.mean(axis=0))), n)
    interval = bootstrap_mean(apart, evidence.noise("alignment"), evidence.resamples)
    yield Measured("alignment", float(apart.mean()), n, interval, "lower")
    for name, part in (("pictures", pictures), ("texts", captions)):
        if len(part) > 1:
            yield Measured(f"uniformity of {name}", uniformity(part), len(part), better="lower")
        yield Measured(f"spread of {name}", spread(part), len(part), better="higher")


def uniformity(vectors: NDArray[np.float64]) -> float:
    """Return ``log E exp(-2 ‖x - y‖²)`` over pairs of different vectors of length 1, ``(N, D)``."""
    total = 0.0
    for start in range(0, len(vectors), AT_ONCE):
        squared = 2 - 2 * vectors[start : start + AT_ONCE] @ vectors.T
        total += np.exp(-2 * squared.clip(0)).sum()
    return float(np.log((total - len(vectors)) / (len(vectors) * (len(vectors) - 1))))


def spread(vectors: NDArray[np.float64]) -> float:
    """Return the standard deviation of the entries of vectors ``(N, D)`` times √D."""
    return float(np.sqrt(vectors.var(axis=0).sum()))
