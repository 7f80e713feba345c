"""The loops that somebody who knows torch well would write by hand, with the settings of ours and nothing else.

Pictures in memory as bytes, fused Adam, bfloat16 autocast and channels_last where asked for, no ``.item()``. What our
loop adds to that, it adds for seeds, logs, schedules, phases and checks; `training_speed.py` says how much it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from peers.dcgan import NZ


def vae(
    networks: Mapping[str, nn.Module], pixels: Any, on_step: Callable[[], None], *, batch: int, lr: float, **how: Any
) -> None:
    """Train the encoder and the decoder of ``components.VaeMlp`` for ever."""
    encoder, decoder = _placed(networks, "encoder", "decoder", **how)
    weights = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(weights, lr=lr, fused=True)
    for data in _batches(pixels, batch):
        optimizer.zero_grad()
        with _arithmetic(how["bfloat16"]):
            mean, log_variance = encoder(data).chunk(2, dim=1)
            latent = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
            logits = decoder(latent)
            reconstruction = binary_cross_entropy_with_logits(logits, data, reduction="none").flatten(1).sum(1).mean()
            divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1).mean()
            loss = reconstruction + divergence
        loss.backward()
        optimizer.step()
        on_step()


def dcgan(
    networks: Mapping[str, nn.Module],
    pixels: Any,
    on_step: Callable[[], None],
    *,
    batch: int,
    lr: float,
    betas: tuple[float, float],
    **how: Any,
) -> None:
    """Train the generator and the discriminator of ``components.Dcgan`` for ever."""
    generator, discriminator = _placed(networks, "generator", "discriminator", **how)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=lr, betas=betas, fused=True)
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=lr, betas=betas, fused=True)
    for data in _batches(pixels, batch):
        if how["bfloat16"]:
            data = data.contiguous(memory_format=torch.channels_last)
        discriminator.requires_grad_(False)
        optimizer_g.zero_grad()
        with _arithmetic(how["bfloat16"]):
            pictures = generator(torch.randn(batch, NZ, 1, 1))
            loss = softplus(-discriminator(pictures).float()).mean()
        loss.backward()
        optimizer_g.step()
        discriminator.requires_grad_(True)
        optimizer_d.zero_grad()
        with _arithmetic(how["bfloat16"]):
            real, fake = discriminator(2 * data - 1).float(), discriminator(pictures.detach()).float()
            loss = softplus(-real).mean() + softplus(fake).mean()
        loss.backward()
        optimizer_d.step()
        on_step()


def _placed(networks: Mapping[str, nn.Module], *names: str, bfloat16: bool, compiled: bool) -> list[nn.Module]:
    placed = [networks[name].train() for name in names]
    for network in placed:
        if bfloat16:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if compiled:
            network.compile(dynamic=False)
    return placed


def _arithmetic(bfloat16: bool) -> torch.autocast:
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16)


def _batches(pixels: Any, size: int) -> Iterator[Tensor]:
    """Yield shuffled batches of one size in [0, 1], without end."""
    data = torch.from_numpy(pixels)
    while True:
        for places in torch.randperm(len(data)).split(size):
            if len(places) == size:
                yield data[places].float().div_(255)
