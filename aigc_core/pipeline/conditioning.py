"""What steers a generator: labels, and vectors that a model of another plugin makes of the prompt or an input.

Conditioning crosses plugins here and nowhere else (design section 4): a model names the embedder whose vectors it was
trained with, the core opens that and hands each item its vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_core.content import Condition, Content, Request
from aigc_core.errors import ModelError, UsageError
from aigc_core.models import Model, Required
from aigc_core.pipeline.order import INPUT
from aigc_core.randomness import Noise

if TYPE_CHECKING:
    from aigc_core.pipeline.embedders import Embedders, ReadyEmbedder


@dataclass(frozen=True, slots=True)
class Labels:
    """Conditions one item by one of the model's labels.

    Attributes:
        names: that there are, in order.
        given: the one that is asked for, or None: each item draws one.
    """

    names: tuple[str, ...]
    given: str | None

    def condition(self, request: Request, noise: Noise) -> Condition:
        """Return the label that is asked for, or one drawn from `noise`."""
        index = self.names.index(self.given) if self.given is not None else noise.choice(len(self.names))
        return Condition("label", self.names[index], index, drawn=self.given is None)


@dataclass(frozen=True, slots=True)
class Vectors:
    """Conditions each item by the vector of its prompt, or of its input.

    Attributes:
        name: of the model that is conditioned.
        required: the embedder that it was trained with.
    """

    name: str
    required: Required
    embedders: Embedders

    def modalities(self) -> tuple[str, ...]:
        """Return what may be embedded. Raises as `Embedders.find`."""
        spec = self.embedders.find(self.required.model)[1].spec
        return (spec.modality, *spec.also)

    def subject(self, prompt: str | None, given: Content | None) -> Content:
        """Return what is embedded: the input, or without one the prompt, where the model learnt from texts.

        Raises:
            UsageError: there is neither.
        """
        if given is not None:
            return given
        if prompt is not None and self.required.of == "text":
            return prompt
        how = "a prompt, or --input FILE" if self.required.of == "text" else "--input FILE, a picture"
        raise UsageError(f"{self.name} makes something of nothing only if it is told what", hint=f"give it {how}")

    def condition(self, request: Request, noise: Noise) -> Condition:
        """Return the vector of what the item is to be of, float32 ``(D,)``.

        Raises:
            UsageError: there is nothing to embed, or the embedder can make nothing of it.
            ModelError: the embedder that is here is another one than the model was trained with.
        """
        subject = self.subject(request.prompt, request.inputs.get(INPUT))
        modality = "text" if isinstance(subject, str) else "image"
        embedder = self._opened(modality)
        record = {"model": self.required.model, "space_id": self.required.space_id, "of": modality}
        return Condition("vector", embedder.vector(subject), record=record)

    def _opened(self, modality: str) -> ReadyEmbedder:
        embedder = self.embedders.open(self.required.model, modality)
        if embedder.space_id != self.required.space_id:
            raise ModelError(
                f"{self.name} was trained with vectors of {self.required.space_id}, and {self.required.model} here "
                f"makes those of {embedder.space_id}",
                hint=f"install the {self.required.model} whose aigc.json has the sha256 {self.required.sha256[:12]}…",
            )
        return embedder


class Unconditioned:
    """Conditions nothing."""

    def condition(self, request: Request, noise: Noise) -> Condition:
        """Return no condition."""
        return Condition()


Conditioning = Labels | Vectors | Unconditioned


def conditioning(model: Model | None, takes: tuple[str, ...], label: str | None, embedders: Embedders) -> Conditioning:
    """Return how items of a model are conditioned.

    Args:
        takes: conditions that its generator can be steered by.
        label: that is asked for, or None.
    """
    if model and model.required and "vector" in takes:
        return Vectors(model.name, model.required, embedders)
    if model and model.labels and "label" in takes:
        return Labels(model.labels, label)
    return Unconditioned()
