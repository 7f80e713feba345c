"""``crossmodal/clip``: texts and pictures in one space, by models like CLIP.

Radford et al. 2021 (arXiv 2103.00020): what a text and a picture have in common is the cosine of their vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from aigc_core import LoadedModel, ModelError
from aigc_transformers.loading import Arithmetic, check_fit, load_network, load_pictures, load_tokenizer
from aigc_transformers.options import ClipOptions

CHUNK = 32


class Clip:
    """A model that embeds texts and pictures alike; vectors have length 1.

    Args:
        model: the checkpoint.
        options: with what arithmetic it runs.
    """

    def __init__(self, model: LoadedModel, options: ClipOptions) -> None:
        self._network = load_network(model, "AutoModel", Arithmetic(options.precision))
        if not hasattr(self._network, "get_text_features") or not hasattr(self._network, "get_image_features"):
            raise ModelError(f"{model.name} does not embed texts and pictures apart from each other")
        self._tokenizer = load_tokenizer(model)
        check_fit(model, self._network.text_model, self._tokenizer)
        self._pictures = load_pictures(model)
        self._longest = self._network.config.text_config.max_position_embeddings
        # SigLIP was trained on texts that were all filled up to one length, and knows no others.
        self._filled_up = self._network.config.model_type.startswith("siglip")

    @torch.inference_mode()
    def embed(self, items: Sequence[str] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 ``(N, D)`` of texts, or of pictures uint8 ``(N, C, H, W)``; long texts are cut."""
        if isinstance(items, np.ndarray):
            parts = [self._of_pictures(items[start : start + CHUNK]) for start in range(0, len(items), CHUNK)]
        else:
            parts = [self._of_text(text) for text in items]
        return normalize(torch.cat(parts).float(), dim=1).numpy()

    def _of_pictures(self, pixels: NDArray[np.uint8]) -> Tensor:
        from PIL import Image

        channels_last = pixels.transpose(0, 2, 3, 1)
        pictures = [Image.fromarray(one[:, :, 0] if one.shape[2] == 1 else one).convert("RGB") for one in channels_last]
        values = self._pictures(images=pictures, return_tensors="pt").pixel_values
        return _tensor(self._network.get_image_features(pixel_values=values.to(self._network.dtype)))

    def _of_text(self, text: str) -> Tensor:
        """Return the vector of one text; texts are few and short, and alone none is padded."""
        filled = {"padding": "max_length"} if self._filled_up else {}
        ids = self._tokenizer([text], truncation=True, max_length=self._longest, return_tensors="pt", **filled)
        return _tensor(self._network.get_text_features(input_ids=ids.input_ids))


def _tensor(found: object) -> Tensor:
    """Return the vectors ``(B, D)``, which newer releases of transformers wrap."""
    vectors: Tensor = found if isinstance(found, Tensor) else found.pooler_output  # type: ignore[attr-defined]
    return vectors
