"""The networks of the picture generators: encoders, decoders and discriminators, fully connected or convolutional.

Each works for any picture shape ``(C, H, W)``; the convolutional ones need H and W divisible by 4. ``deep`` ones, for
larger pictures, stand in ``deep_networks``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from aigc_core import UsageError
from aigc_image.deep_networks import deep_decoder, deep_features

Shape = tuple[int, ...]

#: Pieces of a maxout unit, as in the MNIST experiments of Goodfellow et al. 2013 (Maxout networks), section 5.1.
PIECES = 5


def quarter(shape: Shape) -> tuple[int, int]:
    """Return height and width of the coarsest feature maps of pictures `shape`.

    Raises:
        UsageError: they are not a quarter of the picture's.
    """
    _, height, width = shape
    if height % 4 or width % 4:
        raise UsageError(
            f"convolutional networks need sides divisible by 4, not {height}×{width}",
            hint="crop or resize the pictures, or use architecture = 'mlp'",
        )
    return height // 4, width // 4


def encoder(
    architecture: str, shape: Shape, outputs: int, width: int, hidden: int, depth: int | None = None
) -> nn.Sequential:
    """Build a network from pictures ``(B, C, H, W)`` in [0, 1] to ``(B, outputs)``."""
    if architecture == "deep":
        return nn.Sequential(deep_features(shape, width, hidden, depth, normed=True), nn.Linear(hidden, outputs))
    if architecture == "mlp":
        return nn.Sequential(
            nn.Flatten(),  # (B, C*H*W)
            *(nn.Linear(math.prod(shape), hidden), nn.ReLU()),
            *(nn.Linear(hidden, hidden), nn.ReLU()),
            nn.Linear(hidden, outputs),
        )
    h, w = quarter(shape)
    return nn.Sequential(
        *(nn.Conv2d(shape[0], width, 4, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU()),  # (B, width, H/2, W/2)
        *(
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
        ),  # (B, 2 width, H/4, W/4)
        nn.Flatten(),
        *(nn.Linear(2 * width * h * w, hidden), nn.ReLU()),
        nn.Linear(hidden, outputs),
    )


def decoder(
    architecture: str, inputs: int, shape: Shape, width: int, hidden: int, depth: int | None = None, refined: int = 0
) -> nn.Sequential:
    """Build a network from ``(B, inputs)`` to logits of pictures, ``(B, C, H, W)``.

    The convolutional one is a small DCGAN generator (Radford et al. 2016): transposed convolutions and batch
    normalisation, with one more convolution at the coarsest and at the finest size against chequered patterns.
    """
    if architecture == "deep":
        return deep_decoder(inputs, shape, width, depth, refined)
    if architecture == "mlp":
        return nn.Sequential(
            *(nn.Linear(inputs, hidden), nn.ReLU()),
            *(nn.Linear(hidden, hidden), nn.ReLU()),
            nn.Linear(hidden, math.prod(shape)),
            nn.Unflatten(1, shape),
        )
    h, w = quarter(shape)
    wide = 2 * width
    return nn.Sequential(
        *(nn.Linear(inputs, wide * h * w), nn.Unflatten(1, (wide, h, w)), *_normed(wide)),  # (B, 2 width, H/4, W/4)
        *(nn.Conv2d(wide, wide, 3, padding=1, bias=False), *_normed(wide)),
        *(nn.ConvTranspose2d(wide, width, 4, stride=2, padding=1, bias=False), *_normed(width)),  # (B, width, H/2, W/2)
        *(nn.ConvTranspose2d(width, width, 4, stride=2, padding=1, bias=False), *_normed(width)),  # (B, width, H, W)
        nn.Conv2d(width, shape[0], 3, padding=1),
    )


def _normed(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(channels), nn.ReLU()


class FromVector(nn.Linear):
    """A linear map of vectors of length 1, whose entries are brought to a variance of 1: nobody listens to whispers."""

    def forward(self, vectors: Tensor) -> Tensor:
        return super().forward(vectors * math.sqrt(self.in_features))


def embedding(classes: int, vector: int, outputs: int) -> nn.Module | None:
    """Build what makes ``(B, outputs)`` of labels ``(B,)`` or of vectors ``(B, vector)``, or nothing without either."""
    if vector:
        return FromVector(vector, outputs)
    return nn.Embedding(classes, outputs) if classes else None


class Conditioned(nn.Module):
    """A decoder that is told what the picture is of: latents ``(B, latent_dim)``, vectors ``(B, D)`` to logits.

    What the vector becomes stands beside the latent: Sohn et al. 2015 (conditional VAE), section 4.
    """

    def __init__(self, embedding: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.embedding = embedding
        self.decoder = decoder

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        logits: Tensor = self.decoder(torch.cat([latent, self.embedding(condition)], dim=1))
        return logits


def decoded(decoder: nn.Module, latent: Tensor, condition: Tensor | None) -> Tensor:
    """Return what a decoder makes of latents, told or not what they are of."""
    logits: Tensor = decoder(latent) if condition is None else decoder(latent, condition)
    return logits


class Generator(nn.Module):
    """Latents ``(B, latent_dim)`` and conditions to pictures ``(B, C, H, W)`` in [0, 1].

    A label ``(B,)`` or vector ``(B, D)`` is embedded and put beside the latent (Mirza & Osindero 2014, Conditional
    GANs, section 3.2).
    """

    def __init__(
        self,
        architecture: str,
        latent_dim: int,
        embedding_dim: int,
        classes: int,
        shape: Shape,
        width: int,
        hidden: int,
        depth: int | None = None,
        refined: int = 0,
        *,
        vector: int = 0,
    ) -> None:
        super().__init__()
        self.embedding = embedding(classes, vector, embedding_dim)
        inputs = latent_dim + (embedding_dim if self.embedding else 0)
        self.decoder = decoder(architecture, inputs, shape, width, hidden, depth, refined)

    def forward(self, latent: Tensor, condition: Tensor | None) -> Tensor:
        if self.embedding is not None:
            latent = torch.cat([latent, self.embedding(condition)], dim=1)  # (B, latent_dim + embedding_dim)
        return torch.sigmoid(self.decoder(latent))


class Maxout(nn.Module):
    """The largest of ``PIECES`` linear maps, unit by unit (Goodfellow et al. 2013)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs * PIECES)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, (-1, PIECES)).amax(dim=2)  # (B, outputs)


class Discriminator(nn.Module):
    """Pictures ``(B, C, H, W)`` in [0, 1] and their conditions to logits of being real ``(B,)``.

    The MLP is that of Goodfellow et al. 2014, section 5: maxout with dropout. Labels and vectors enter by projection:
    ``f(x, y) = v·φ(x) + e(y)·φ(x)`` (Miyato & Koyama 2018, cGANs with projection discriminator, eq. 4).
    Spectral normalisation: Miyato et al. 2018.
    """

    def __init__(
        self,
        architecture: str,
        classes: int,
        shape: Shape,
        width: int,
        hidden: int,
        depth: int | None = None,
        *,
        normed: bool,
        vector: int = 0,
    ) -> None:
        super().__init__()
        self.features = {
            "mlp": lambda: _mlp_features(shape, hidden),
            "conv": lambda: _conv_features(shape, width, hidden),
            "deep": lambda: deep_features(shape, width, hidden, depth),
        }[architecture]()
        self.score = nn.Linear(hidden, 1)
        self.embedding = embedding(classes, vector, hidden)
        if architecture != "mlp" and normed:
            for layer in [module for module in self.modules() if isinstance(module, NORMALISABLE)]:
                spectral_norm(layer)

    def forward(self, pictures: Tensor, condition: Tensor | None) -> Tensor:
        features = self.features(2 * pictures - 1)  # (B, hidden)
        logits = self.score(features).squeeze(1)  # (B,)
        if self.embedding is not None:
            logits = logits + (self.embedding(condition) * features).sum(dim=1)
        return logits


NORMALISABLE = (nn.Conv2d, nn.Linear, nn.Embedding)


def _mlp_features(shape: Shape, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(),
        *(Maxout(math.prod(shape), hidden), nn.Dropout(0.5)),
        *(Maxout(hidden, hidden), nn.Dropout(0.5)),
    )


def _conv_features(shape: Shape, width: int, hidden: int) -> nn.Sequential:
    h, w = quarter(shape)
    leaky: Callable[[], nn.Module] = lambda: nn.LeakyReLU(0.2)  # noqa: E731
    return nn.Sequential(
        *(nn.Conv2d(shape[0], width, 4, stride=2, padding=1), leaky()),  # (B, width, H/2, W/2)
        *(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1), leaky()),  # (B, 2 width, H/4, W/4)
        *(nn.Conv2d(2 * width, 4 * width, 3, padding=1), leaky()),  # (B, 4 width, H/4, W/4)
        nn.Flatten(),
        *(nn.Linear(4 * width * h * w, hidden), leaky()),
    )
