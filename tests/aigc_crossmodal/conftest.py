"""Models that are told colours, and tiny checkpoints: see ``tests/palettes.py`` and ``tests/checkpoints.py``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aigc_core import CaptionedPictures, save_model
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


@pytest.fixture(scope="session")
def keep() -> Callable[..., Path]:
    """Write the folder of a joint embedding that was trained; it is called as its folder."""

    def write(folder: Path, examples: Any, trained: Any, **more: Any) -> Path:
        return save_model(
            folder,
            name=folder.name,
            component="crossmodal/joint-embedding",
            modality="image",
            options=trained.options,
            shape=examples.described.shape,
            files=examples.described.files,
            tensors=trained.tensors,
            card="# two towers",
            **more,
        )

    return write
