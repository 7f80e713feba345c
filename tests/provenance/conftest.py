"""A recipe as the pipeline builds it, a small picture, and a PNG reader that is not ours."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aigc_core.provenance import Envelope, seal

Recipe = dict[str, Any]


@pytest.fixture
def recipe() -> Recipe:
    return {
        "format": 1,
        "modality": "image",
        "seed": 7,
        "prompt": None,
        "inputs": {},
        "options": {"label": "7", "temperature": 0.8},
        "condition": {"kind": "label", "value": "7", "drawn": False},
        "generator": {"name": "image/gan", "plugin": "image", "version": "0.1.0"},
        "model": {
            "name": "digits-gan",
            "files": {"aigc.json": "a" * 64, "model.safetensors": "0123456789abcdef" * 4},
            "precision": "float32",
            "micro_batch": 16,
        },
        "pre": [],
        "post": [
            {
                "step": "resize",
                "plugin": "processors",
                "version": "0.1.0",
                "options": {"size": 56},
                "record": {"filter": "lanczos"},
            }
        ],
        "selection": None,
        "moderation": {
            "policy": "b" * 64,
            "filters": [{"name": "wordlist", "plugin": "filters", "version": "0.1.0"}],
            "verdict": "allow",
        },
    }


@pytest.fixture
def digit() -> Image.Image:
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (28, 28), dtype="uint8"))


@pytest.fixture
def envelope(recipe: Recipe, digit: Image.Image) -> Envelope:
    return seal(recipe, digit)


@pytest.fixture
def chunks() -> Callable[[Path], list[tuple[str, bytes]]]:
    """Read a PNG's chunks by the letter of the specification, checking every CRC."""

    def read(path: Path) -> list[tuple[str, bytes]]:
        return list(_chunks(path.read_bytes()))

    return read


def _chunks(data: bytes) -> Iterator[tuple[str, bytes]]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body)
        yield kind.decode(), body
        at += 12 + length


@pytest.fixture
def png_of() -> Callable[..., bytes]:
    """Build a PNG out of chunks, whatever they say."""

    def build(*parts: tuple[bytes, bytes], size: tuple[int, int] = (1, 1)) -> bytes:
        header = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
        pixels = zlib.compress(b"\0" * (2 if size == (1, 1) else 64))
        made = b"\x89PNG\r\n\x1a\n"
        for kind, body in ((b"IHDR", header), *parts, (b"IDAT", pixels), (b"IEND", b"")):
            made += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        return made

    return build
