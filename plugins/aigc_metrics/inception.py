"""``inception``: an Inception network, for whoever has its weights on disk. Nothing is downloaded.

It takes a TorchScript file, which torch reads without unpickling Python objects, that is called with pictures uint8
``(N, 3, H, W)`` and ``return_features=True`` and gives ``(N, D)``: ``inception-2015-12-05.pt`` of StyleGAN2-ADA
(Karras et al. 2020) is one, with the weights and the preprocessing of the original FID (Heusel et al. 2017).
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from aigc_core import ModelError
from aigc_metrics.options import InceptionOptions

CHUNK = 50
VARIABLE = "AIGC_INCEPTION"


class Inception:
    """What the network makes of pictures, 2,048 numbers each."""

    def __init__(self, model: None, options: InceptionOptions) -> None:
        path = options.path or os.environ.get(VARIABLE)
        if not path:
            raise ModelError(
                "inception has no weights here, and nothing is downloaded",
                hint=f"set {VARIABLE} to the TorchScript file inception-2015-12-05.pt of StyleGAN2-ADA",
            )
        try:
            content = Path(path).expanduser().read_bytes()
        except OSError as error:
            raise ModelError(f"inception: {path} cannot be read: {error.strerror}", hint=f"set {VARIABLE}") from error
        try:
            with warnings.catch_warnings():  # torch would rather have another format, in which nobody has this network
                warnings.simplefilter("ignore", DeprecationWarning)
                self._network = torch.jit.load(io.BytesIO(content), map_location="cpu").eval()
        except (RuntimeError, ValueError) as error:
            said = " ".join(str(error).split())[:200]
            raise ModelError(
                f"inception: {path} is no TorchScript file: {said}",
                hint="it wants inception-2015-12-05.pt of StyleGAN2-ADA; a .pkl or .pth is not read",
            ) from error
        self.fingerprint = hashlib.sha256(content).hexdigest()

    @torch.inference_mode()
    def embed(self, items: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 ``(N, D)`` of pictures uint8 ``(N, 1 or 3, H, W)``."""
        parts = [np.ascontiguousarray(items[start : start + CHUNK]) for start in range(0, len(items), CHUNK)]
        pictures = [torch.tensor(part).expand(-1, 3, -1, -1) for part in parts]
        return torch.cat([self._network(part, return_features=True).float() for part in pictures]).numpy()
