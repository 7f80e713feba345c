"""A judge of digits: a small classifier, trained on real digits, that says what a generated one looks like.

What it says stands in the models' ``metrics.json``. It measures whether pictures are legible, not whether they are
varied or new.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import mnist
import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor, nn

from aigc_core import Pictures

EPOCHS = 2
SEED = 0


@cache
def judge() -> tuple[nn.Module, float]:
    """Return the classifier, and its accuracy on the 10,000 test digits."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = nn.Sequential(
            *(nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.Conv2d(16, 32, 5, stride=2, padding=2), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(32 * 49, 128), nn.ReLU(), nn.Linear(128, 10)),
        )
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
        digits = mnist.load("train")
        for _ in range(EPOCHS):
            for indices in torch.randperm(len(digits)).split(128):
                batch = digits.batch(indices.numpy())
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(batch.data), batch.condition).backward()
                optimizer.step()
    network.eval()
    test = mnist.load("t10k")
    return network, float((_classify(network, test).argmax(1).numpy() == test.labels).mean())


@torch.inference_mode()
def _classify(network: nn.Module, pictures: Pictures) -> Tensor:
    parts = torch.arange(len(pictures)).split(500)
    return torch.cat([network(pictures.batch(part.numpy()).data).softmax(1) for part in parts])


def look_at(pictures: Sequence[Image], labels: Sequence[int | None]) -> dict[str, object]:
    """Return how legible the pictures are, and how many are what they were asked to be."""
    network, accuracy = judge()
    pixels = np.stack([np.asarray(picture) for picture in pictures])[:, None]
    probabilities = _classify(network, Pictures(pixels))
    said = probabilities.argmax(1).tolist()
    metrics: dict[str, object] = {
        "n": len(pictures),
        "judge": f"recipes/judge.py: a small convolutional classifier, {EPOCHS} epochs on the training digits",
        "judge_test_accuracy": round(accuracy, 4),
        "sure_share": round(float((probabilities.amax(1) > 0.9).float().mean()), 4),
        "said": {str(digit): said.count(digit) for digit in range(10)},
    }
    if None not in labels:
        metrics["label_accuracy"] = round(sum(a == b for a, b in zip(said, labels, strict=True)) / len(said), 4)
    return metrics
