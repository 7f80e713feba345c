"""The metric ``crossmodal/match``: whether what a model made is what it was asked for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aigc_core import Evidence, Measured, bootstrap_mean
from aigc_crossmodal.retrieval import ranks


def match(evidence: Evidence, options: None) -> Iterator[Measured]:
    """Yield the mean cosine of things made and their prompts, and how often the own prompt is the nearest of all.

    The first is the CLIP score without its factor (Hessel et al. 2021, CLIPScore, eq. 1), the second R-precision (Xu
    et al. 2018, AttnGAN, section 4), here with every other prompt in the place of 99 drawn ones; ties count against.

    Raises:
        UsageError: the embedder does not look at texts.
    """
    prompts = evidence.sources("generated") or []
    made = evidence.features("generated")
    distinct = list(dict.fromkeys(prompts))
    places = np.array([distinct.index(prompt) for prompt in prompts], np.int64)
    asked = evidence.embed(distinct)
    made, asked = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (made, asked))
    similarity = (made * asked[places]).sum(axis=1).astype(np.float64)
    true = np.zeros((len(made), len(asked)), np.bool_)
    true[np.arange(len(made)), places] = True
    found = ranks(made, asked, true)
    details = {"prompts": len(distinct)}
    for name, values in (("match", similarity), ("own prompt first", found <= 1), ("own prompt in 10", found <= 10)):
        numbers = values.astype(np.float64)
        interval = bootstrap_mean(numbers, evidence.noise(name), evidence.resamples)
        yield Measured(name, float(numbers.mean()), len(numbers), interval, "higher", details=details)
