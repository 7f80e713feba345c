"""Texts beside the references that they should be like, and what a model has to beat: a lead sentence, any summary."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from aigc_core import Evidence, Measured, UsageError
from aigc_metrics.text.resampling import Rows, Score, percentiles, scores_of_resamples

#: From texts and their references to what is summed of each, ``(N, K)``.
Counted = Callable[[Sequence[str], Sequence[str]], Rows]

_SENTENCE = re.compile(r".+?(?:[。！？]|[.!?](?=\s|$))", re.DOTALL)


@dataclass(frozen=True)
class Pairs:
    """What a model made of some texts.

    Attributes:
        made: by the model.
        references: what people made of the same texts.
        baselines: what is to be beaten: the first sentence of each text, and some other text of the training.
    """

    made: list[str]
    references: list[str]
    baselines: dict[str, list[str]]

    @classmethod
    def of(cls, evidence: Evidence) -> Pairs:
        """Collect them. Raises UsageError where the model does not make texts of texts."""
        sources = evidence.sources("generated")
        if sources is None:
            raise UsageError("needs a model that makes texts of other texts")
        made = evidence.items("generated")
        count = len(made)
        baselines = {"lead sentence": [lead_sentence(source) for source in sources[:count]]}
        if evidence.has("training"):
            training, noise = evidence.items("training"), evidence.noise("random training text")
            drawn = np.minimum((noise.uniform(count) * len(training)).astype(np.int64), len(training) - 1)
            baselines["random training text"] = [training[place] for place in drawn]
        return cls(made, evidence.items("reference")[:count], baselines)

    def measured(self, evidence: Evidence, name: str, counted: Counted, score: Score) -> Measured:
        """Return a number of what was made, and in its details those of the baselines with how far it is above each:
        95 % intervals of the difference, resampled in pairs."""
        rows = counted(self.made, self.references)
        others = {baseline: counted(texts, self.references) for baseline, texts in self.baselines.items()}
        again, *theirs = scores_of_resamples(evidence, name, score, rows, *others.values())
        above = {
            baseline: {
                "value": score(other.sum(axis=0)),
                "difference": np.quantile(again - their, (0.025, 0.975)).tolist(),
            }
            for (baseline, other), their in zip(others.items(), theirs, strict=True)
        }
        value = score(rows.sum(axis=0))
        return Measured(name, value, n=len(rows), interval=percentiles(again), better="higher", details=above)


def lead_sentence(text: str) -> str:
    """Return the first sentence of a text, or all of it where none ends."""
    found = _SENTENCE.match(text.strip())
    return found[0] if found else text.strip()
