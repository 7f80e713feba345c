"""What metrics are handed here: evidence made of plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from aigc_core import Noise
from aigc_core.evaluation.contract import Judge


@pytest.fixture(autouse=True)
def calm(one_thread: None) -> None:
    """Work on one thread."""


@dataclass
class Arrays:
    """Evidence whose features are given: what a metric sees, without models and pictures."""

    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    chances: dict[str, np.ndarray] = field(default_factory=dict)
    pictures: dict[str, np.ndarray] = field(default_factory=dict)
    asked: dict[str, np.ndarray] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    component: Any = None
    resamples: int = 50
    space: str = "arrays"

    def has(self, part: str) -> bool:
        return part in {**self.vectors, **self.chances, **self.pictures}

    def items(self, part: str) -> np.ndarray:
        return self.pictures[part]

    def features(self, part: str) -> np.ndarray:
        return self.vectors[part].astype(np.float32)

    def probabilities(self, part: str) -> np.ndarray:
        return self.chances[part]

    def conditions(self, part: str) -> np.ndarray | None:
        return self.asked.get(part)

    def noise(self, name: str) -> Noise:
        return Noise(0, name)


@dataclass
class Writings:
    """Evidence whose texts are given."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    made_of: dict[str, list[str]] = field(default_factory=dict)
    asked: dict[str, np.ndarray] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    component: Any = None
    judges: dict[str, Judge] = field(default_factory=dict)
    resamples: int = 50

    def has(self, part: str) -> bool:
        return part in self.texts

    def items(self, part: str) -> list[str]:
        return self.texts[part]

    def sources(self, part: str) -> list[str] | None:
        return self.made_of.get(part)

    def conditions(self, part: str) -> np.ndarray | None:
        return self.asked.get(part)

    def judge(self, model: str) -> Judge:
        return self.judges[model]

    def noise(self, name: str) -> Noise:
        return Noise(0, name)


@pytest.fixture
def writings() -> type[Writings]:
    """Evidence made of texts."""
    return Writings


@pytest.fixture
def arrays() -> type[Arrays]:
    """Evidence made of arrays."""
    return Arrays


@pytest.fixture
def random() -> np.random.Generator:
    """Numbers that are the same each time."""
    return np.random.default_rng(7)
