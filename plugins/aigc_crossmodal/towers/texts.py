"""Text towers: a bag of words and pieces of words, or a small transformer.

Both turn token ids ``(B, T)``, padded with 0, into points ``(B, dimensions)`` on the unit sphere. Captions are short,
and mean about what their words mean together: a bag is as good for them as for sentences of one clause (Wieting et al.
2016, Towards universal paraphrastic sentence embeddings, table 2), and much faster than a large transformer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class Bag(nn.Module):
    """The mean of the tokens' vectors, by weights that are learnt with them, mapped into the space.

    A weight for each token is what makes a mean of words worth its while: Arora et al. 2017 (A simple but tough-to-beat
    baseline for sentence embeddings), where it comes from how rare the word is.

    Args:
        tokens: how many there are.
        width: numbers of each token's vector.
        dimensions: of the space.
    """

    def __init__(self, tokens: int, width: int, dimensions: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(tokens, width, padding_idx=0)
        self.weights = nn.Embedding(tokens, 1)
        self.head = nn.Linear(width, dimensions)
        nn.init.normal_(self.vectors.weight, std=width**-0.5)
        nn.init.zeros_(self.weights.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return points on the unit sphere."""
        weights = self.weights(tokens).masked_fill(tokens[..., None] == 0, -torch.inf).softmax(dim=1)  # (B, T, 1)
        return normalize(self.head((weights * self.vectors(tokens)).sum(dim=1)).float(), dim=1)


class Transformer(nn.Module):
    """Two layers of attention over the tokens, and their mean (Vaswani et al. 2017; layers normalised first).

    Args:
        tokens: how many there are.
        width: numbers of each token's vector.
        dimensions: of the space.
        longest: tokens of the longest text.
    """

    def __init__(self, tokens: int, width: int, dimensions: int, longest: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(tokens, width, padding_idx=0)
        self.places = nn.Parameter(torch.zeros(longest, width))
        layer = nn.TransformerEncoderLayer(
            width, nhead=4, dim_feedforward=4 * width, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.head = nn.Linear(width, dimensions)
        nn.init.normal_(self.vectors.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return points on the unit sphere."""
        padding = tokens == 0
        x = self.layers(
            self.vectors(tokens) + self.places[: tokens.shape[1]], src_key_padding_mask=padding
        )  # (B, T, W)
        return normalize(self.head(mean_of(x, ~padding)).float(), dim=1)


def mean_of(states: Tensor, said: Tensor) -> Tensor:
    """Return the mean ``(B, W)`` of those vectors of ``(B, T, W)`` that are `said`, ``(B, T)``."""
    weights = said[..., None].to(states.dtype)
    return (states * weights).sum(dim=1) / weights.sum(dim=1)


def packed(vectors: Tensor) -> dict[str, Tensor]:
    """Return tokens' vectors ``(tokens, width)`` in a byte a number: ``weight`` int8, and ``scale`` of each row.

    Zero stays zero, and the largest number of a row becomes 127: Jacob et al. 2018, section 2.1, without an offset.
    """
    scale = vectors.abs().amax(dim=1, keepdim=True).clamp_min(1e-8) / 127
    scale = scale.half().float().clamp_min(2.0**-24)  # as it is stored
    return {"weight": (vectors / scale).round().clamp(-127, 127).to(torch.int8), "scale": scale}


def unpacked(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a text tower with its tokens' vectors as numbers, whether they were packed or not."""
    if "vectors.scale" not in weights:
        return weights
    others = {key: value for key, value in weights.items() if key != "vectors.scale"}
    return {**others, "vectors.weight": weights["vectors.weight"].float() * weights["vectors.scale"]}
