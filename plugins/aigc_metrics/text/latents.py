"""``latents``: how much the latent of a VAE says about a text. Where it says nothing, the posterior has collapsed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from aigc_core import Evidence, Interval, Measured, UsageError
from aigc_metrics.text.likelihood import texts_with_all
from aigc_metrics.text.options import LatentsOptions
from aigc_metrics.text.resampling import Z95

GROUPS = 10
_NUMBERS = ("KL", "mutual information", "active units")


class Statistics(Protocol):
    """What ``component.latent_statistics(texts, noise)`` gives."""

    kl: float
    mutual_information: float
    active_units: int
    latent_dim: int


@torch.inference_mode()
def latents(evidence: Evidence, options: LatentsOptions) -> Iterator[Measured]:
    """Yield KL and mutual information in nats, and active units.

    KL of posteriors and prior, the second term of the ELBO: Kingma & Welling 2013, eq. 3. Mutual information of text
    and latent: Hoffman & Johnson 2016 (ELBO surgery), section 2; at most the log of the number of texts. Active units:
    Burda et al. 2016 (Importance weighted autoencoders), section 5.2.
    """
    statistics = getattr(evidence.component, "latent_statistics", None)
    if not callable(statistics):
        raise UsageError("the model has no latent")
    texts = texts_with_all(evidence, options.most)
    if len(texts) < 2 * GROUPS:
        raise UsageError(f"needs at least {2 * GROUPS} real texts")

    def of(places: NDArray[np.int64], name: str) -> NDArray[np.float64]:
        found: Statistics = statistics(texts.some(places), evidence.noise(name))
        return np.array([found.kl, found.mutual_information, found.active_units, found.latent_dim], np.float64)

    every = np.arange(len(texts))
    values = of(every, "latents")
    without = np.stack([of(every[every % GROUPS != group], f"latents/{group}") for group in range(GROUPS)])
    for place, name in enumerate(("KL", "mutual information", "active units")):
        yield Measured(
            name,
            float(values[place]),
            n=len(texts),
            interval=delete_a_group(float(values[place]), without[:, place]),
            better=None if name == "KL" else "higher",
            details={"of": int(values[3])} if name == "active units" else {},
        )


def delete_a_group(value: float, without: NDArray[np.float64]) -> Interval:
    """Return the interval of a number from those where one group of texts after the other is left out.

    Kott 2001 (The delete-a-group jackknife).
    """
    groups = len(without)
    reach = Z95 * math.sqrt((groups - 1) / groups * float(np.square(without - without.mean()).sum()))
    return Interval(max(0.0, value - reach), value + reach, f"delete-a-group jackknife, {groups} groups")
