"""Real digits in a small amount."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from aigc_core.training import Pictures


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower on two threads, and much slower where other work runs beside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def digits() -> Pictures:
    """Twenty MNIST digits of each label."""
    with np.load(Path(__file__).parents[1] / "data" / "mnist-200.npz") as arrays:
        return Pictures(arrays["pixels"], arrays["labels"], tuple("0123456789"))


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
