"""Pictures to read."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def blots() -> Callable[..., Image.Image]:
    """Make a picture of soft blots, different for each seed."""

    def make(seed: int, size: tuple[int, int] = (40, 40)) -> Image.Image:
        values = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
        return Image.fromarray(values).resize(size, Image.Resampling.BICUBIC)

    return make


@pytest.fixture
def encode() -> Callable[..., bytes]:
    """Encode a picture, as PNG where nothing else is said."""

    def write(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
        file = BytesIO()
        picture.save(file, kind, **options)
        return file.getvalue()

    return write


@pytest.fixture
def folder(tmp_path: Path, encode: Callable[..., bytes]) -> Callable[..., Path]:
    """Make a folder of files: name → bytes, text or picture."""

    def make(files: dict[str, bytes | str | Image.Image], name: str = "photos") -> Path:
        root = tmp_path / name
        for file, content in files.items():
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Image.Image):
                content = encode(content, "JPEG" if path.suffix == ".jpg" else "PNG")
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        root.mkdir(exist_ok=True)
        return root

    return make
