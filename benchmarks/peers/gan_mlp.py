"""Peer: the textbook MLP GAN of eriklindernoren/PyTorch-GAN (https://github.com/eriklindernoren/PyTorch-GAN).

It is ``implementations/gan/gan.py``. Kept: generator 100-128-256-512-1024-784 with BatchNorm (its second argument
0.8, which is eps, as in the script), LeakyReLU and tanh; discriminator 784-512-256-1 with LeakyReLU and sigmoid;
binary cross entropy; Adam with rate 2e-4 and betas (0.5, 0.999); batch 64; float32; the generator's turn first;
pictures in [-1, 1] from PIL images; both losses through ``.item()`` each step. Left out: printing, and saving sample
sheets every 400 batches. Steps are counted instead of epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn, optim

from peers.pictures import batches, to_signed

BATCH = 64
LEARNING_RATE = 2e-4
BETAS = (0.5, 0.999)
LATENT_DIM = 100


def generator() -> nn.Sequential:
    """Build the script's ``Generator``: ``(B, 100)`` to ``(B, 784)`` in [-1, 1]."""

    def block(inputs: int, outputs: int, normalize: bool = True) -> list[nn.Module]:
        layers: list[nn.Module] = [nn.Linear(inputs, outputs)]
        if normalize:
            layers.append(nn.BatchNorm1d(outputs, 0.8))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        return layers

    return nn.Sequential(
        *block(LATENT_DIM, 128, normalize=False),
        *block(128, 256),
        *block(256, 512),
        *block(512, 1024),
        nn.Linear(1024, 784),
        nn.Tanh(),
    )


def discriminator() -> nn.Sequential:
    """Build the script's ``Discriminator``: ``(B, 784)`` to ``(B, 1)`` in [0, 1]."""
    return nn.Sequential(
        nn.Linear(784, 512),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Linear(512, 256),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Linear(256, 1),
        nn.Sigmoid(),
    )


def train(pixels: Any, steps: int, on_step: Callable[[], None]) -> nn.Sequential:
    """Train on uint8 ``(N, 1, 28, 28)`` for `steps` steps, and return the generator."""
    net_g, net_d = generator(), discriminator()
    criterion = nn.BCELoss()
    optimizer_g = optim.Adam(net_g.parameters(), lr=LEARNING_RATE, betas=BETAS)
    optimizer_d = optim.Adam(net_d.parameters(), lr=LEARNING_RATE, betas=BETAS)
    told: list[float] = []
    for _, data in zip(range(steps), batches(pixels, BATCH, to_signed), strict=False):
        real = data.view(len(data), -1)
        valid, fake = torch.ones(len(data), 1), torch.zeros(len(data), 1)
        optimizer_g.zero_grad()
        z = torch.from_numpy(np.random.normal(0, 1, (len(data), LATENT_DIM))).float()
        pictures = net_g(z)
        g_loss = criterion(net_d(pictures), valid)
        g_loss.backward()
        optimizer_g.step()
        optimizer_d.zero_grad()
        d_loss = (criterion(net_d(real), valid) + criterion(net_d(pictures.detach()), fake)) / 2
        d_loss.backward()
        optimizer_d.step()
        told = [d_loss.item(), g_loss.item()]
        on_step()
    assert told or not steps
    return net_g


@torch.no_grad()
def sample(net_g: nn.Module, count: int, *, running: bool = True) -> Tensor:
    """Return ``(count, 1, 28, 28)`` in [0, 1], in batches of 64.

    Args:
        net_g: what ``train`` returned.
        count: how many.
        running: normalise with the running statistics, as a finished network does, or with the batch's own, as the
            script does for its sample sheets.
    """
    net_g.train(not running)
    parts = [net_g(torch.randn(min(BATCH, count - start), LATENT_DIM)) for start in range(0, count, BATCH)]
    return torch.cat(parts).mul(0.5).add(0.5).view(-1, 1, 28, 28)
