"""Models and real digits to hold them against."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from aigc_core import Pictures, Pipeline


@pytest.fixture(autouse=True)
def calm(one_thread: None) -> None:
    """Work on one thread."""


@pytest.fixture(scope="session")
def parts(digits: Pictures) -> Mapping[str, Pictures]:
    """The digits of the fixture in three parts, each with all labels."""
    order = np.random.default_rng(0).permutation(len(digits))
    places = {"train": order[:120], "validation": order[120:160], "test": order[160:]}
    return {split: Pictures(digits.pixels[at], digits.labels[at], digits.label_names) for split, at in places.items()}


@pytest.fixture
def pipeline() -> Pipeline:
    """The built-in plugins."""
    return Pipeline()
