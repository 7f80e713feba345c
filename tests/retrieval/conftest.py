"""A folder of pictures and texts, and an embedder that is small and real."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from aigc_core import Pipeline
from aigc_core.retrieval import Index, open_index

PLUGIN = Path(__file__).parents[1] / "plugins" / "colours.py"


def an_hour_old(path: Path) -> Path:
    """Let a file have been written an hour ago: what is fresh is always read again."""
    then = time.time() - 3600
    os.utime(path, (then, then))
    return path


@pytest.fixture
def paint() -> Callable[..., Path]:
    """Write a picture of one colour, an hour ago."""

    def make(path: str | Path, colour: str | tuple[int, ...], size=(40, 30), mode: str = "RGB") -> Path:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, colour).save(path)
        return an_hour_old(path)

    return make


@pytest.fixture
def write() -> Callable[..., Path]:
    """Write a file, an hour ago."""

    def make(path: str | Path, content: str | bytes) -> Path:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return an_hour_old(path)

    return make


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(plugins=[PLUGIN])


@pytest.fixture
def photos(paint, write) -> Path:
    """Three pictures and three lines."""
    folder = Path("photos")
    paint(folder / "rose.png", "red")
    paint(folder / "sea.jpg", "blue")
    paint(folder / "garden" / "leaf.webp", (0, 160, 0))
    write(folder / "notes.txt", "a red dress\n\n  the green hill \na yellow submarine\n")
    return folder


@pytest.fixture
def said() -> list[str]:
    """What a person was told."""
    return []


@pytest.fixture
def opened(pipeline: Pipeline, said: list[str]) -> Callable[..., Index]:
    """Open the index of a folder."""

    def open_it(folder: Path, **given: Any) -> Index:
        given.setdefault("model", "colours")
        return open_index(folder, pipeline=pipeline, say=said.append, **given)

    return open_it
