"""Peer: the DCGAN of pytorch/examples (https://github.com/pytorch/examples/tree/main/dcgan, ``main.py``).

Kept: generator and discriminator at 64×64 with nz 100, ngf 64, ndf 64, three channels; weights from N(0, 0.02) and
N(1, 0.02) for BatchNorm; binary cross entropy on a sigmoid, labels 1 and 0; Adam with rate 2e-4 and betas (0.5,
0.999); batch 64; float32; pictures in [-1, 1] from PIL images; three means through ``.item()`` each step. Left out:
printing, sample sheets and checkpoints. The script's DataLoader has two workers; here it has none, because all sides
have one thread, and the CPU time of workers would not be counted. Steps are counted instead of epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn, optim

from peers.pictures import batches, to_signed

BATCH = 64
LEARNING_RATE = 2e-4
BETAS = (0.5, 0.999)
NZ, NGF, NDF, NC = 100, 64, 64, 3
REAL_LABEL, FAKE_LABEL = 1.0, 0.0


def weights_init(module: nn.Module) -> None:
    """Initialise one layer as the script does."""
    name = module.__class__.__name__
    if "Conv" in name:
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif "BatchNorm" in name:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def generator() -> nn.Sequential:
    """Build the script's ``Generator``: ``(B, 100, 1, 1)`` to ``(B, 3, 64, 64)`` in [-1, 1]."""
    return nn.Sequential(
        nn.ConvTranspose2d(NZ, NGF * 8, 4, 1, 0, bias=False),
        nn.BatchNorm2d(NGF * 8),
        nn.ReLU(True),
        nn.ConvTranspose2d(NGF * 8, NGF * 4, 4, 2, 1, bias=False),
        nn.BatchNorm2d(NGF * 4),
        nn.ReLU(True),
        nn.ConvTranspose2d(NGF * 4, NGF * 2, 4, 2, 1, bias=False),
        nn.BatchNorm2d(NGF * 2),
        nn.ReLU(True),
        nn.ConvTranspose2d(NGF * 2, NGF, 4, 2, 1, bias=False),
        nn.BatchNorm2d(NGF),
        nn.ReLU(True),
        nn.ConvTranspose2d(NGF, NC, 4, 2, 1, bias=False),
        nn.Tanh(),
    )


def discriminator() -> nn.Sequential:
    """Build the script's ``Discriminator``, without its last sigmoid: ``(B, 3, 64, 64)`` to ``(B, 1, 1, 1)``."""
    return nn.Sequential(
        nn.Conv2d(NC, NDF, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(NDF, NDF * 2, 4, 2, 1, bias=False),
        nn.BatchNorm2d(NDF * 2),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(NDF * 2, NDF * 4, 4, 2, 1, bias=False),
        nn.BatchNorm2d(NDF * 4),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(NDF * 4, NDF * 8, 4, 2, 1, bias=False),
        nn.BatchNorm2d(NDF * 8),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(NDF * 8, 1, 4, 1, 0, bias=False),
    )


def train(pixels: Any, steps: int, on_step: Callable[[], None]) -> nn.Sequential:
    """Train on uint8 ``(N, 3, 64, 64)`` for `steps` steps, and return the generator."""
    net_g = generator().apply(weights_init)
    net_d = nn.Sequential(*discriminator(), nn.Sigmoid()).apply(weights_init)
    criterion = nn.BCELoss()
    optimizer_d = optim.Adam(net_d.parameters(), lr=LEARNING_RATE, betas=BETAS)
    optimizer_g = optim.Adam(net_g.parameters(), lr=LEARNING_RATE, betas=BETAS)
    told: list[float] = []
    for _, real in zip(range(steps), batches(pixels, BATCH, to_signed), strict=False):
        # Discriminator: maximise log(D(x)) + log(1 - D(G(z)))
        net_d.zero_grad()
        label = torch.full((real.size(0),), REAL_LABEL)
        output = net_d(real).view(-1)
        err_d_real = criterion(output, label)
        err_d_real.backward()
        d_x = output.mean().item()
        noise = torch.randn(real.size(0), NZ, 1, 1)
        fake = net_g(noise)
        label.fill_(FAKE_LABEL)
        output = net_d(fake.detach()).view(-1)
        err_d_fake = criterion(output, label)
        err_d_fake.backward()
        d_g_z1 = output.mean().item()
        optimizer_d.step()
        # Generator: maximise log(D(G(z)))
        net_g.zero_grad()
        label.fill_(REAL_LABEL)
        output = net_d(fake).view(-1)
        err_g = criterion(output, label)
        err_g.backward()
        told = [d_x, d_g_z1, output.mean().item()]
        optimizer_g.step()
        on_step()
    assert told or not steps
    return net_g


@torch.no_grad()
def sample(net_g: nn.Module, count: int) -> Tensor:
    """Return ``(count, 3, 64, 64)`` in [0, 1], in batches of 64, as a finished generator is used."""
    net_g.eval()
    parts = []
    for start in range(0, count, BATCH):
        parts.append(net_g(torch.randn(min(BATCH, count - start), NZ, 1, 1)).mul(0.5).add(0.5))
    return torch.cat(parts)
