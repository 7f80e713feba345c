"""A selector: several candidates in, the index of the one to keep out."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from aigc_core import Candidate, Request, StepContext


def most_colourful(request: Request, candidates: Sequence[Candidate], context: StepContext) -> int:
    """Return the index of the most colourful picture; the first, of equals."""
    scores = [colourfulness(candidate.content) for candidate in candidates]
    context.record("colourfulness", [round(score, 2) for score in scores])  # stands in the recipe
    return scores.index(max(scores))


def colourfulness(picture: Image.Image) -> float:
    """Return 0 for grey, about 15 for slightly, 45 for quite and more than 100 for extremely colourful.

    Hasler and Süsstrunk 2003, "Measuring colourfulness in natural images", section 6.
    """
    red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB"), dtype=np.float64), -1, 0)
    red_green = red - green
    yellow_blue = (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    distance = np.hypot(red_green.mean(), yellow_blue.mean())
    return float(spread + 0.3 * distance)
