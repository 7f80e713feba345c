"""What each item is made of: texts to transform, captions to make pictures of, pictures to write about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_core.errors import UsageError
from aigc_core.evaluation.reference import Data, Embed, Reference

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aigc_core.models import Model, Required
    from aigc_core.pipeline import Pipeline


@dataclass(frozen=True)
class Subjects:
    """What items are made of; of nothing where all is None.

    Attributes:
        prompts: one an item.
        vectors: one an item ``(N, D)``, of pictures that are written about.
        embed: makes such vectors.
    """

    prompts: list[str] | None = None
    vectors: NDArray[np.float32] | None = None
    embed: Embed | None = None

    @property
    def count(self) -> int | None:
        """How many there are."""
        some = self.prompts if self.vectors is None else self.vectors
        return None if some is None else len(some)


def subjects_of(pipeline: Pipeline, name: str, data: Data | None, split: str) -> Subjects:
    """Return what a model's items are made of: it stands in the data's pairs.

    Raises:
        UsageError: the model makes nothing without, and there is none to give it.
    """
    if name in pipeline.registry.generators:
        return Subjects()
    model = pipeline.planner.models.find(name)
    if model.required is not None:
        return _captioned(pipeline, model, model.required, data, split)
    rule, generator = model.manifest.prompt, pipeline.registry.generators.get(model.manifest.component)
    if rule != "required" and not (rule == "optional" and generator and "source" in generator.spec.conditions):
        return Subjects()
    real = Reference(data, model.manifest.modality, model.shape, model.labels).part(split) if data is not None else None
    if real is not None and real.sources is not None:
        return Subjects(real.sources)
    if rule == "required":
        raise UsageError(
            f"{name} transforms texts, and there are none to give it",
            hint="give pairs, a column source and a column target: --data pairs.csv",
        )
    return Subjects()


def _captioned(pipeline: Pipeline, model: Model, required: Required, data: Data | None, split: str) -> Subjects:
    """Return the captions that pictures are made of, or the vectors of pictures that captions are written of."""
    embed = pipeline.embedders.open(required.model, required.of).embed if required.of == "image" else None
    if data is not None:
        real = Reference(data, model.manifest.modality, model.shape, model.labels, embed).part(split)
        if real is not None and (real.sources if embed is None else real.vectors) is not None:
            return Subjects(None if embed else real.sources, real.vectors, embed)
    raise UsageError(
        f"{model.name} makes something of {'captions' if embed is None else 'pictures'}, and there are none to give it",
        hint="give pictures with captions, columns file_name and caption: --data pairs.csv",
    )
