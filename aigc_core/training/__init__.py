"""Training: the contract a component fulfils, the data it learns from, and the one loop that drives both.

Imported only when something is trained, because it costs torch; ``import aigc_core`` stays free of it.
"""

from aigc_core.training.contract import Batch, Context, DataShape, Loss, Phase, Trainable, Trained
from aigc_core.training.data import Examples, Pictures
from aigc_core.training.loop import Training, train
from aigc_core.training.options import TrainingOptions

__all__ = [
    "Batch",
    "Context",
    "DataShape",
    "Examples",
    "Loss",
    "Phase",
    "Pictures",
    "Trainable",
    "Trained",
    "Training",
    "TrainingOptions",
    "train",
]
