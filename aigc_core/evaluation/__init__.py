"""Evaluation: numbers about models with all that they depend on, and models side by side.

Imported only when something is measured. The metrics themselves, and the embedders they look through, are plugins'.
"""

from aigc_core.evaluation.bootstrap import bootstrap_mean, bootstrap_normal, draw_counts
from aigc_core.evaluation.comparing import Comparison, compare
from aigc_core.evaluation.contract import Evidence, Interval, Measured, PairEvidence
from aigc_core.evaluation.measuring import evaluate
from aigc_core.evaluation.records import Evaluation, Measurement, differing

__all__ = [
    "Comparison",
    "Evaluation",
    "Evidence",
    "Interval",
    "Measured",
    "Measurement",
    "PairEvidence",
    "bootstrap_mean",
    "bootstrap_normal",
    "compare",
    "differing",
    "draw_counts",
    "evaluate",
]
