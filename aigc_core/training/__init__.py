"""Training: the contract a component fulfils, the data it learns from, and the one loop that drives both.

Imported only when something is trained, because it costs torch; ``import aigc_core`` stays free of it.
"""

from aigc_core.training.conditioned import ConditionedPictures
from aigc_core.training.contract import (
    Alarm,
    Batch,
    Context,
    DataShape,
    Encodes,
    Examples,
    HasFiles,
    Likelihood,
    Loss,
    Phase,
    ReadsCaptions,
    ReadsTexts,
    Samples,
    Trainable,
    Trained,
    Watched,
)
from aigc_core.training.loop import Training, train
from aigc_core.training.loop.data import Pictures
from aigc_core.training.options import TrainingOptions

__all__ = [
    "Alarm",
    "Batch",
    "ConditionedPictures",
    "Context",
    "DataShape",
    "Encodes",
    "Examples",
    "HasFiles",
    "Likelihood",
    "Loss",
    "Phase",
    "Pictures",
    "ReadsCaptions",
    "ReadsTexts",
    "Samples",
    "Trainable",
    "Trained",
    "Training",
    "TrainingOptions",
    "Watched",
    "train",
]
