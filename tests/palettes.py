"""Pictures of one colour with captions, a small joint embedder with a model, and models conditioned by its vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_core import Pipeline, save_model, train_model

HUES = {"red": (235, 10, 15), "green": (10, 150, 20), "blue": (5, 20, 240), "yellow": (250, 225, 10)}


def write_palette(folder: Path, softness: float = 60.0) -> Path:
    """Write a model of the embedder ``acme/palette``."""
    return save_model(
        folder,
        name=folder.name,
        component="acme/palette",
        modality="image",
        options={},
        shape=(3, 16, 16),
        tensors={"softness": torch.tensor([softness])},
        card="# A palette",
    )


@pytest.fixture
def house(monkeypatch, tmp_path) -> Callable[[], Pipeline]:
    """Open pipelines that know the model ``palette``."""
    plugin = Path(__file__).parent / "plugins" / "colours.py"
    models = tmp_path / "models"
    write_palette(models / "palette")
    Path("aigc.toml").write_text(f"[models]\npath = ['{models}']\n[plugins]\nload = ['{plugin}']\n", encoding="utf-8")
    return Pipeline


@pytest.fixture
def pairs(tmp_path) -> Path:
    """A table of forty pictures, each of one colour and a little noise, and what they are called."""
    random, rows = np.random.default_rng(0), ["file_name,caption"]
    folder = tmp_path / "pairs"
    folder.mkdir()
    for place in range(40):
        name = list(HUES)[place % len(HUES)]
        pixels = np.clip(np.array(HUES[name]) + random.integers(-9, 10, (16, 16, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{place}.png")
        rows.append(f"{place}.png,a {name} thing")
    (folder / "pairs.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "pairs.csv"


@pytest.fixture
def painter(house, pairs) -> str:
    """A picture model that is told the vectors of captions."""
    options = {"architecture": "mlp", "hidden": 32, "latent_dim": 2, "beta": 30, "batch": 20, "lr": 0.01}
    folder = train_model(
        "image/vae",
        pairs,
        name="painter",
        condition="vector=palette",
        options={**options, "reconstruction": "laplace", "components": 2, "threads": 1},
        steps=150,
        seed=1,
        pipeline=house(),
    )
    return folder.name


@pytest.fixture
def describer(house, pairs) -> str:
    """A text model that is told the vectors of pictures."""
    folder = train_model(
        "text/rnn",
        pairs,
        name="describer",
        condition="vector=palette",
        options={"hidden": 24, "embedding": 16, "layers": 1, "batch": 20, "lr": 0.02, "ema_images": 200, "threads": 1},
        steps=200,
        seed=1,
        pipeline=house(),
    )
    return folder.name
