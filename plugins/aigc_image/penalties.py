"""Penalties on the gradient of a discriminator's logits by the picture, which keep it from getting too steep.

They are differentiated twice, in float32 even where all else is bfloat16: squares of small gradients are below what
bfloat16 tells apart. Gradients are by pictures in [0, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def _squared_norms(discriminator: nn.Module, pictures: Tensor, labels: Tensor | None) -> Tensor:
    """Return ``‖∂l/∂x‖²`` of each picture, ``(B,)``, with a graph."""
    with torch.autocast(pictures.device.type, enabled=False):
        x = pictures.detach().float().requires_grad_(True)  # (B, C, H, W)
        (gradient,) = torch.autograd.grad(discriminator(x, labels).sum(), x, create_graph=True)
    return gradient.square().flatten(1).sum(dim=1)


def zero_centred(discriminator: nn.Module, pictures: Tensor, labels: Tensor | None) -> Tensor:
    """Return ``1/2 E[‖∂l/∂x‖²]``, a scalar: R1 on real pictures, R2 on generated ones.

    Mescheder et al. 2018 (Which training methods for GANs do actually converge?), eqs. 9 and 10, without γ.
    """
    return 0.5 * _squared_norms(discriminator, pictures, labels).mean()


def one_centred(discriminator: nn.Module, real: Tensor, fake: Tensor, labels: Tensor | None, mixing: Tensor) -> Tensor:
    """Return ``E[(‖∂l/∂x‖ - 1)²]``, a scalar, somewhere between real and generated pictures.

    Gulrajani et al. 2017 (Improved training of Wasserstein GANs), eq. 3 and algorithm 1, without λ.

    Args:
        mixing: how much of the real picture is in each, uniform in [0, 1], ``(B, 1, 1, 1)``.
    """
    between = mixing * real.float() + (1 - mixing) * fake.float()
    # The root has no finite slope at zero.
    return ((_squared_norms(discriminator, between, labels) + 1e-12).sqrt() - 1).square().mean()
