"""Peer: the VAE of pytorch/examples (https://github.com/pytorch/examples/tree/main/vae, ``main.py``).

Kept: the network 784-400-20-400-784 with ReLU and sigmoid (652,824 parameters), binary cross entropy and divergence
summed over the batch, Adam with rate 1e-3, batch 128, float32, shuffled MNIST as PIL images through ``ToTensor``,
``train_loss += loss.item()`` each step. The script's own choice on a CPU is ``num_workers=0``, too.
Left out: printing, the test epoch and the sample sheet after each epoch. Steps are counted instead of epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F  # noqa: N812 - as the script has it

from peers.pictures import batches

BATCH = 128
LEARNING_RATE = 1e-3


class VAE(nn.Module):
    """The script's network."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 400)
        self.fc21 = nn.Linear(400, 20)
        self.fc22 = nn.Linear(400, 20)
        self.fc3 = nn.Linear(20, 400)
        self.fc4 = nn.Linear(400, 784)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z: Tensor) -> Tensor:
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, logvar = self.encode(x.view(-1, 784))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Return minus the ELBO, summed over the batch."""
    bce = F.binary_cross_entropy(recon_x, x.view(-1, 784), reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


def train(pixels: Any, steps: int, on_step: Callable[[], None]) -> VAE:
    """Train on uint8 ``(N, 1, 28, 28)`` for `steps` steps."""
    model = VAE()
    optimizer = optim.Adam(model.parameters(), lr=LEARNING_RATE)
    model.train()
    train_loss = 0.0
    for _, data in zip(range(steps), batches(pixels, BATCH), strict=False):
        optimizer.zero_grad()
        recon_batch, mu, logvar = model(data)
        loss = loss_function(recon_batch, data, mu, logvar)
        loss.backward()
        train_loss += loss.item()
        optimizer.step()
        on_step()
    return model


@torch.no_grad()
def sample(model: VAE, count: int) -> Tensor:
    """Return ``(count, 1, 28, 28)`` in [0, 1], in batches of 128, as the script samples after an epoch."""
    model.eval()
    parts = []
    for start in range(0, count, BATCH):
        z = torch.randn(min(BATCH, count - start), 20)
        parts.append(model.decode(z).view(-1, 1, 28, 28))
    return torch.cat(parts)
