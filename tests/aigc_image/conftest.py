"""What the small networks here are trained on, besides digits."""

from __future__ import annotations

import numpy as np
import pytest

from aigc_core.training import Pictures


@pytest.fixture(autouse=True)
def calm(one_thread: None) -> None:
    """Train on one thread."""


@pytest.fixture(scope="session")
def unlabelled(digits: Pictures) -> Pictures:
    """The digits without their labels."""
    return Pictures(digits.pixels)


@pytest.fixture(scope="session")
def colours() -> Pictures:
    """Colour gradients of 16×16, half of them warm and half cold."""
    ramp = np.linspace(0, 255, 16, dtype=np.uint8)
    pixels = np.zeros((24, 3, 16, 16), np.uint8)
    pixels[0::2, 0] = ramp
    pixels[1::2, 2] = ramp[:, None]
    pixels[:, 1] = np.arange(24, dtype=np.uint8)[:, None, None] * 10
    return Pictures(pixels, np.arange(24) % 2, ("warm", "cold"))
