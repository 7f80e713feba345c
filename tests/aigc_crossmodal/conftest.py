"""Models that are told colours, and tiny checkpoints: see ``tests/palettes.py`` and ``tests/checkpoints.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aigc_core import CaptionedPictures
from tests.checkpoints import copied, made
from tests.palettes import describer, house, painter, pairs

__all__ = ["copied", "describer", "house", "made", "painter", "pairs"]

DIGITS = Path(__file__).parents[1] / "fixtures" / "mnist-200.npz"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.fixture(scope="session")
def digits() -> CaptionedPictures:
    """A hundred digits, each with its name as caption."""
    with np.load(DIGITS) as found:
        pixels, labels = found[found.files[0]], found[found.files[1]]
    pixels = pixels.reshape(len(pixels), 1, 28, 28)[:100]
    return CaptionedPictures(pixels, [NAMES[label] for label in labels[:100]], np.arange(100))
