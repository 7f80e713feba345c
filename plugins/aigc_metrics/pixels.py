"""``pixels``: the pixels themselves, as numbers. Distances in this space are those of picture to picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Pixels:
    """Flattens pictures."""

    fingerprint = "1"

    def __init__(self, model: None, options: None) -> None: ...

    def embed(self, items: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the pixels in [0, 1], float32 ``(N, C·H·W)``, of pictures uint8 ``(N, C, H, W)``."""
        return items.reshape(len(items), -1).astype(np.float32) / 255
