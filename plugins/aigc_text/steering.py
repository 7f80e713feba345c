"""What a text is steered by besides its prompt: a vector that the core hands over, and the language to write."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def language_of(text: str) -> str:
    """Return ``"zh"`` for a text with Chinese characters, ``"en"`` for any other: a script says no more."""
    return "zh" if _HAN.search(text) else "en"


def steering(
    vectors: NDArray[np.float32] | None, spoken: Sequence[str], languages: Sequence[str]
) -> NDArray[np.float32]:
    """Return what a network is told of texts, ``(N, D + L)``.

    Args:
        vectors: ``(N, D)``, or None. They stay as small as they are: louder ones would drown the tokens beside them.
        spoken: the language of each text, ``N`` of `languages`.
        languages: that the model tells apart, ``L``, or none.
    """
    told = np.array([[language == each for each in languages] for language in spoken], np.float32)
    told = told.reshape(len(spoken), len(languages))
    return told if vectors is None else np.hstack([vectors, told])
