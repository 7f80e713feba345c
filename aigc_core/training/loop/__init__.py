"""The one training loop and what it is made of. It knows no algorithm: networks, phases and losses are plugins'."""

from aigc_core.training.loop.data import Pictures
from aigc_core.training.loop.training import StepContext, Training, train

__all__ = ["Pictures", "StepContext", "Training", "train"]
