"""Which embedder an evaluation looks through where nobody names one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aigc_core.errors import UsageError
from aigc_core.pipeline.embedders import missing_packages

if TYPE_CHECKING:
    from aigc_core.pipeline import Pipeline


def default_embedder(pipeline: Pipeline, modality: str, shape: Sequence[int], named: str | None) -> tuple[str, str]:
    """Return the name of the embedder to take where nobody named one, and why.

    Args:
        named: the one that the model itself names, in ``metrics.json``.

    Raises:
        UsageError: there is none for such content.
    """
    if named:
        return named, "the model names it"
    passed = ""
    for name, entry in pipeline.registry.embedders.items():
        spec = entry.spec
        if spec.modality != modality or spec.default_for is None or not spec.default_for(shape):
            continue
        if missing_packages(spec):
            passed = f"; {name} would come first, but is not installed ({spec.summary})"
            continue
        return name, f"the first that takes {modality} of {'×'.join(map(str, shape))}{passed}"
    raise UsageError(f"there is no embedder for {modality}", hint="name one: --embedder NAME")
