"""Where the latent of each item comes from: the prior, a text, the neighbourhood of a text, or between two."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aigc_core import Item, UsageError
from aigc_text.vae.options import VaeOptions

#: How far variations of a text lie from it where nobody says.
STRENGTH = 0.5


def check(item: Item) -> None:
    """Raise UsageError where an item's inputs and options do not go together."""
    options: VaeOptions = item.options
    for name in ("like", "towards"):
        if name in item.inputs and not str(item.inputs[name]).strip():
            raise UsageError(f"the input {name!r} is empty", hint="give a sentence")
    if "towards" in item.inputs and ("like" not in item.inputs or item.between is None):
        raise UsageError("there is a text to go towards, and none to come from", hint="give both: --interpolate A B")
    if options.strength is not None and ("like" not in item.inputs or "towards" in item.inputs):
        raise UsageError("there is a strength, and no text to vary", hint="give it as the input 'like'")


def latents(items: Sequence[Item], latent_dim: int, encode: Callable[[Sequence[Any]], Tensor]) -> Tensor:
    """Return the latent of each item, ``(B, latent_dim)``.

    * With no input, from the prior: ``temperature * eps`` with ``eps`` standard normal, from the item's own stream.
    * ``like``: ``sqrt(1 - s²) * mean + s * eps`` with the strength ``s``: 0 makes the text again, and 1 forgets it.
      Where texts lie as the prior says, so do their variations.
    * ``like`` and ``towards``: on the way between their means.

    Args:
        encode: gives the means of one text an item, ``(B, latent_dim)``; whatever it likes for None.
    """
    for item in items:
        check(item)
    eps = torch.from_numpy(np.stack([item.noise.normal(latent_dim) for item in items]))
    spread = torch.tensor([each.options.latent_temperature for each in items], dtype=torch.float32)[:, None]
    drawn = spread * eps
    if not any("like" in item.inputs for item in items):
        return drawn
    like, towards = (encode([item.inputs.get(name) for item in items]) for name in ("like", "towards"))
    rows = []
    for row, item in enumerate(items):
        if "towards" in item.inputs:
            way = slerp if item.options.path == "slerp" else torch.lerp
            rows.append(way(like[row], towards[row], item.between or 0.0))
        elif "like" in item.inputs:
            strength = STRENGTH if item.options.strength is None else item.options.strength
            rows.append(math.sqrt(1 - strength**2) * like[row] + strength * drawn[row])
        else:
            rows.append(drawn[row])
    return torch.stack(rows)


def slerp(start: Tensor, end: Tensor, place: float) -> Tensor:
    """Return the vector at `place` (0 to 1) on the way along a great circle, its length on a straight line.

    Shoemake 1985 (Animating rotation with quaternion curves), section 3.3, of the directions. Latents of a Gaussian
    prior lie near a sphere, and a straight line would cut through where none are (White 2016, arXiv 1609.04468,
    section 2.1).
    """
    lengths = start.norm(), end.norm()
    if min(lengths) == 0:
        return torch.lerp(start, end, place)
    first, second = start / lengths[0], end / lengths[1]
    angle = torch.arccos((first @ second).clamp(-1, 1))
    if angle.sin().abs() < 1e-4:  # the same direction, or opposite ones, which no one circle joins
        return torch.lerp(start, end, place)
    direction = (((1 - place) * angle).sin() * first + (place * angle).sin() * second) / angle.sin()
    between: Tensor = direction * torch.lerp(lengths[0], lengths[1], place)
    return between
