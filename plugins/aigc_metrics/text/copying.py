"""``copying``: how much of what was made stands in the texts that the model learnt from, word by word.

As in McCoy et al. 2023 (How much do language models copy from their training data?), what a model shares with its
training texts is held against what unseen real texts share with them: some runs of words everybody writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from aigc_core import Evidence, Measured, bootstrap_mean
from aigc_metrics.text.options import CopyingOptions
from aigc_metrics.text.resampling import wilson
from aigc_metrics.text.shared_runs import longest_shared_runs

#: Between two lines of a text; a line of Chinese verse ends at its stop.
_BETWEEN = re.compile(r"[\n，。！？；]+")


def lines_of(text: str, shortest: int) -> set[str]:
    """Return the lines of a text with so many characters at least."""
    return {line for part in _BETWEEN.split(text) if len(line := part.strip()) >= shortest}


def copied_lines(texts: Sequence[str], training: Sequence[str], shortest: int) -> int:
    """Return how many of `texts` have a line that is a line of a training text."""
    lines = [lines_of(text, shortest) for text in texts]
    wanted = set().union(*lines)
    found: set[str] = set()
    for text in training:
        found |= wanted & lines_of(text, shortest)
    return sum(not found.isdisjoint(each) for each in lines)


def copying(evidence: Evidence, options: CopyingOptions) -> Iterator[Measured]:
    """Yield the share of texts with a run of words out of the training texts, the share with a whole line of them,
    and the longest shared run, mean over texts. ``details`` has the same of unseen real texts; lower is better, but
    not than that."""
    made, training = evidence.items("generated"), evidence.items("training")
    real = evidence.items("reference")[: len(made)]
    runs, of_real = longest_shared_runs(made, training), longest_shared_runs(real, training)
    copies = int((runs >= options.run).sum())
    yield Measured(
        f"copied runs of {options.run}",
        copies / len(made),
        n=len(made),
        interval=wilson(copies, len(made)),
        better="lower",
        details={"real": float((of_real >= options.run).mean()), "n of real": len(real)},
    )
    lines = copied_lines(made, training, options.line)
    yield Measured(
        "copied lines",
        lines / len(made),
        n=len(made),
        interval=wilson(lines, len(made)),
        better="lower",
        details={"real": copied_lines(real, training, options.line) / len(real), "n of real": len(real)},
    )
    yield Measured(
        "longest shared run",
        float(runs.mean()),
        n=len(made),
        interval=bootstrap_mean(runs.astype(np.float64), evidence.noise("copying"), evidence.resamples),
        better="lower",
        details={"longest": int(runs.max()), "real": float(of_real.mean()), "longest of real": int(of_real.max())},
    )
