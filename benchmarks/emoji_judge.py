"""A judge of emoji that knows nothing of the models it judges: a small network, trained from nothing on real emoji.

It tells emoji apart by name, whatever their style: cosine classification (Wang et al. 2018, CosFace, section 3.1, with
no margin) over code points without skin tones, on pictures that are shifted, scaled, mirrored, recoloured and blurred,
so that soft pictures are no strangers to it. What it makes of a picture before the last layer is what is compared.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import affine_grid, avg_pool2d, cross_entropy, grid_sample, interpolate, normalize

Pixels = NDArray[np.uint8]

STEPS, BATCH, RATE, SCALE, SEED = 2500, 64, 2e-3, 20.0, 0
WIDTH = 32
AT_ONCE = 256


def network() -> nn.Sequential:
    """Build the network: pictures ``(B, 3, 64, 64)`` in [0, 1] to features ``(B, 128)``."""
    layers: list[nn.Module] = []
    before = 3
    for channels in (WIDTH, 2 * WIDTH, 4 * WIDTH, 8 * WIDTH):  # to (B, 256, 4, 4)
        layers += [nn.Conv2d(before, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
        before = channels
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * 16, 128))


def augmented(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Return pictures ``(B, 3, 64, 64)`` shifted, scaled, mirrored, recoloured and some of them blurred."""

    def drawn(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(pictures), generator=random)

    scale, mirror = drawn(0.9, 1.2), torch.where(drawn(0, 1) < 0.3, -1.0, 1.0)
    zero = torch.zeros(len(pictures))
    rows = [scale * mirror, zero, drawn(-0.12, 0.12), zero, scale, drawn(-0.12, 0.12)]
    grid = affine_grid(torch.stack(rows, dim=1).view(-1, 2, 3), list(pictures.shape), align_corners=False)
    moved = 1 - grid_sample(1 - pictures, grid, align_corners=False)  # what comes in is white
    shade = torch.rand(len(pictures), 3, 1, 1, generator=random) * 0.3 + 0.85
    moved = (moved * shade + drawn(-0.1, 0.1).view(-1, 1, 1, 1)).clamp(0, 1)
    blurred = interpolate(avg_pool2d(moved, 2), scale_factor=2, mode="bilinear", align_corners=False)
    return torch.where((drawn(0, 1) < 0.5).view(-1, 1, 1, 1), blurred, moved)


class EmojiJudge:
    """Says which real emoji a picture is most like.

    Args:
        pixels: real emoji to learn from, ``(N, 3, 64, 64)``.
        names: of each.
        kept: folder of trained judges.
    """

    def __init__(self, pixels: Pixels, names: list[str], kept: Path) -> None:
        self.names = sorted(set(names))
        labels = torch.tensor([self.names.index(name) for name in names])
        settings = f"{STEPS} {BATCH} {RATE} {SCALE} {SEED} {WIDTH} {names} "
        key = hashlib.sha256(settings.encode() + pixels.tobytes()).hexdigest()[:12]
        path = kept / f"emoji-judge-{key}.pt"
        torch.manual_seed(SEED)
        self.network = network()
        if path.exists():
            self.network.load_state_dict(torch.load(path, weights_only=True))
        else:
            self._learn(torch.from_numpy(pixels), labels)
            kept.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".partial")
            torch.save(self.network.state_dict(), draft)
            draft.replace(path)
        self.network.eval()

    def _learn(self, pixels: Tensor, labels: Tensor) -> None:
        started, random = time.process_time(), torch.Generator().manual_seed(SEED)
        proxies = nn.Parameter(torch.randn(len(self.names), 128, generator=random))
        optimizer = torch.optim.Adam([*self.network.parameters(), proxies], lr=RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
        for step in range(1, STEPS + 1):
            chosen = torch.randint(len(pixels), (BATCH,), generator=random)
            pictures = augmented(pixels[chosen].float() / 255, random)
            with torch.autocast("cpu", torch.bfloat16):
                features = self.network(pictures)
            logits = SCALE * normalize(features.float()) @ normalize(proxies).T
            loss = cross_entropy(logits, labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if step % 500 == 0:
                seconds = time.process_time() - started
                print(f"judge: step {step} of {STEPS}, loss {loss.item():.2f}, {seconds:.0f} CPU-s", flush=True)

    @torch.inference_mode()
    def features(self, pixels: Pixels) -> NDArray[np.float32]:
        """Return float32 ``(N, 128)`` of length 1."""
        parts = [self.network(part.float() / 255) for part in torch.from_numpy(pixels).split(AT_ONCE)]
        return normalize(torch.cat(parts)).numpy()


def altered(pixels: Pixels, seed: int) -> Pixels:
    """Return pictures altered as none was while the judge learnt."""
    pictures = augmented(torch.from_numpy(pixels).float() / 255, torch.Generator().manual_seed(seed))
    return pictures.mul(255).round().to(torch.uint8).numpy()


def places(judge: EmojiJudge, made: Pixels, wanted: list[str], gallery: Pixels, names: list[str]) -> NDArray[np.int64]:
    """Return the rank of the wanted emoji for each picture, ``(N,)``: each emoji counts by its nearest picture.

    Ties count against: the rank is the number of emoji at least as near.
    """
    kinds = sorted(set(names))
    similarity = judge.features(made) @ judge.features(gallery).T  # (N, G)
    of = np.array([kinds.index(name) for name in names])
    nearest = np.full((len(made), len(kinds)), -np.inf, np.float32)
    for kind in range(len(kinds)):
        nearest[:, kind] = similarity[:, of == kind].max(axis=1)
    own = nearest[np.arange(len(made)), [kinds.index(name) for name in wanted]]
    found: NDArray[np.int64] = (nearest >= own[:, None]).sum(axis=1)
    return found
