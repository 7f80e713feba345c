"""Searching a folder in one call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aigc_core.retrieval.index import Hit
from aigc_core.retrieval.opening import open_index
from aigc_core.retrieval.pieces import Kind

if TYPE_CHECKING:
    from PIL.Image import Image

    from aigc_core.pipeline import Pipeline


def search(
    query: str | Path | Image,
    where: str | Path,
    *,
    k: int = 10,
    modality: Kind | None = None,
    model: str | None = None,
    index: str | Path | None = None,
    rebuild: bool = False,
    pipeline: Pipeline | None = None,
) -> list[Hit]:
    """Return what in a folder is nearest to a text or a picture.

    Args:
        query: a text, a picture, or the path (`Path`) of a picture's file.
        where: a folder with pictures and text files, or an index.
        k: how many, at most.
        modality: only ``"image"``, or only ``"text"``.
        model, index, rebuild, pipeline: as of `open_index`, which keeps an index for many queries.

    Raises:
        UsageError, FileError, ModelError, PluginError: as `open_index`; or the query is empty or cannot be read.
    """
    opened = open_index(where, model=model, index=index, rebuild=rebuild, pipeline=pipeline)
    return opened.find(query, k, modality)
