"""The selector text/best: of several texts for one item, the one that the model holds to be the most likely."""

from __future__ import annotations

import math
from collections.abc import Sequence

from aigc_core import Candidate, ItemError, Request, StepContext

SCORE = "log_likelihood"


def best(request: Request, candidates: Sequence[Candidate], context: StepContext) -> int:
    """Return the index of the candidate with the highest mean log-likelihood per token; of equal ones, the first.

    Raises:
        ItemError: the generator gives none, or one that is no number.
    """
    scores = [candidate.scores.get(SCORE, math.nan) for candidate in candidates]
    if any(math.isnan(score) for score in scores):
        raise ItemError(
            "text/best: the generator does not say how likely its texts are", hint="leave --select text/best out"
        )
    return max(range(len(scores)), key=scores.__getitem__)
