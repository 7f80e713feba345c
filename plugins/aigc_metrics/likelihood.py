"""``likelihood``: how likely the model holds real pictures to be, as bounds from above on ``-log p(x)``."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from aigc_core import Evidence, Measured, bootstrap_mean
from aigc_metrics.options import LikelihoodOptions

CHUNK = 20


@torch.inference_mode()
def likelihood(evidence: Evidence, options: LikelihoodOptions) -> Iterator[Measured]:
    """Yield bounds in nats a picture, and the tighter one in bits a dimension; lower is better.

    The ELBO: Kingma & Welling 2013, eq. 3. The importance-weighted bound: Burda et al. 2016, eq. 8. Bits a dimension:
    nats over ``C·H·W · ln 2``. What a likelihood means is the model's own: a Bernoulli one of grey pixels is no
    density, and is comparable with another Bernoulli one alone.
    """
    pixels = evidence.items("reference")[: options.most]
    noise = evidence.noise("likelihood")
    bounds = [
        evidence.component.log_likelihood(
            torch.from_numpy(pixels[start : start + CHUNK].astype(np.float32) / 255), noise, options.samples
        )
        for start in range(0, len(pixels), CHUNK)
    ]
    elbo, tighter = (-torch.cat(parts).double().numpy() for parts in zip(*bounds, strict=True))
    dimensions = math.prod(pixels.shape[1:])
    for name, values in (
        ("NLL by ELBO", elbo),
        (f"NLL by IWAE-{options.samples}", tighter),
        ("bits per dimension", tighter / (dimensions * math.log(2))),
    ):
        interval = bootstrap_mean(values, evidence.noise(name), evidence.resamples)
        yield Measured(name, float(values.mean()), n=len(values), interval=interval, better="lower")
