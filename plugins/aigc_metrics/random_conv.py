"""``random-conv``: convolutions with fixed random weights.

Random features tell distributions apart where no trained ones fit: Naeem et al. 2020 (Reliable fidelity and diversity
metrics for generative models), section 4.1.2, look at digits through a network with random weights.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d

from aigc_core import Noise
from aigc_metrics.options import RandomConvOptions

CHUNK = 250


class RandomConv:
    """Three 3×3 convolutions with stride 2 and ReLU, for pictures of any size and number of channels.

    An item becomes the mean over positions of each channel of the first two layers, and the means over the four
    quarters of the picture of each channel of the last: ``width + 2 width + 4 · 4 width`` numbers.
    """

    def __init__(self, model: None, options: RandomConvOptions) -> None:
        self._options = options
        width = options.width
        self._deeper = [self._weights("1", width, 2 * width), self._weights("2", 2 * width, 4 * width)]
        digest = hashlib.sha256(b"random-conv 1")
        for weights in self._deeper:  # a numpy that draws other numbers gives another space
            digest.update(weights.numpy().tobytes())
        self.fingerprint = digest.hexdigest()

    def _weights(self, name: str, inputs: int, outputs: int) -> Tensor:
        """Draw the weights of a layer so that activations keep their size: He et al. 2015, section 2.2."""
        drawn = Noise(self._options.seed, f"random-conv/{name}").normal((outputs, inputs, 3, 3))
        return torch.from_numpy(drawn * np.float32(math.sqrt(2 / (9 * inputs))))

    @torch.inference_mode()
    def embed(self, items: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 ``(N, D)`` of pictures uint8 ``(N, C, H, W)``."""
        channels = items.shape[1]
        layers = [self._weights(f"0/{channels}", channels, self._options.width), *self._deeper]
        chunks = [items[start : start + CHUNK].astype(np.float32) for start in range(0, len(items), CHUNK)]
        return torch.cat([self._look(torch.from_numpy(chunk), layers) for chunk in chunks]).numpy()

    @staticmethod
    def _look(pixels: Tensor, layers: list[Any]) -> Tensor:
        seen = pixels / 127.5 - 1
        vectors: list[Tensor] = []
        for depth, weights in enumerate(layers):
            seen = conv2d(seen, weights, stride=2, padding=1).relu()  # (B, width, H/2, W/2), …
            parts = 2 if depth == len(layers) - 1 else 1
            vectors.append(adaptive_avg_pool2d(seen, parts).flatten(1))
        return torch.cat(vectors, dim=1)
