"""What metrics look at, made or read when it is first asked for, and kept: `Gathered` is the contract's Evidence."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aigc_core.errors import UsageError
from aigc_core.evaluation.contract import Judge, Part
from aigc_core.evaluation.records import Eye, Source
from aigc_core.evaluation.reference import Real, Reference
from aigc_core.evaluation.samples import OnSample, Samples, draw_samples
from aigc_core.protocols import Items
from aigc_core.randomness import Noise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aigc_core.pipeline import Pipeline, Plan
    from aigc_core.pipeline.embedders import ReadyEmbedder

RESAMPLES = 200

#: Where real examples for the floor are taken from, the likest first, for each part that a model is held against.
#: Never the test part while something is still being chosen by the validation part.
_FLOOR = {"test": ("validation", "train"), "validation": ("train",), "train": ("validation",)}


class Gathered:
    """The evidence about one model.

    Args:
        pipeline: gives the generator with its weights.
        plan: what is sampled, how many and from which seed.
        split: which part of the real examples the model is held against.
        resamples: how often a bootstrap resamples.
        on_sample: told how far sampling is.

    Attributes:
        prompts: of each item that is made, where they differ: texts that a model transforms, or makes pictures of.
        vectors: that each item is conditioned by, where prompts say nothing of it: of pictures that are written about.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        plan: Plan,
        split: str = "test",
        resamples: int = RESAMPLES,
        on_sample: OnSample | None = None,
    ) -> None:
        self.plan = plan
        self.resamples = resamples
        self.embedder: ReadyEmbedder | None = None
        self.reference: Reference | None = None
        self.split = split
        self.prompts: list[str] | None = None
        self.vectors: NDArray[np.float32] | None = None
        self._pipeline = pipeline
        self._on_sample = on_sample
        self._real: dict[Part, Real | None] = {}
        self._seen: dict[tuple[str, str, Part], NDArray[np.float32]] = {}

    def through(self, embedder: ReadyEmbedder | None) -> Gathered:
        """Return the same evidence, seen through `embedder`; what was made, read or seen is shared."""
        other = copy.copy(self)
        other.embedder = embedder
        return other

    @cached_property
    def component(self) -> Any:
        """The model's component with its weights."""
        return self._pipeline.generator(self.plan)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the model can be conditioned by, or none."""
        return self.plan.model.labels if self.plan.model else ()

    @property
    def space(self) -> str:
        """Name of the embedder."""
        return self._eyes.name

    @property
    def eye(self) -> Eye | None:
        """The embedder that all is seen through, for the record."""
        return Eye(name=self.embedder.name, space_id=self.embedder.space_id) if self.embedder else None

    @property
    def classes(self) -> tuple[str, ...]:
        """The embedder's own classes, or none."""
        return self.embedder.classes if self.embedder else ()

    @property
    def _eyes(self) -> ReadyEmbedder:
        if self.embedder is None:
            raise UsageError("there is no embedder to look through", hint="name one: --embedder NAME")
        return self.embedder

    @cached_property
    def samples(self) -> Samples:
        """What the model made."""
        return draw_samples(self.plan, self.component, self._on_sample, self.prompts, self.vectors)

    def has(self, part: Part) -> bool:
        """Say whether there is any such content."""
        return part == "generated" or self.real(part) is not None

    def real(self, part: Part) -> Real | None:
        """Return the real examples of a part, or None where there are none."""
        if part not in self._real:
            self._real[part] = self._find(part)
        return self._real[part]

    def source(self, part: Part) -> Source | None:
        """Say where the real examples of a part are from."""
        real = self.real(part)
        return real.source if real else None

    def _find(self, part: Part) -> Real | None:
        if self.reference is None:
            return None
        if part == "reference":
            return self.reference.part(self.split)
        if part == "training":
            return self.reference.part("train")
        found = [real for split in _FLOOR[self.split] if (real := self.reference.part(split))]
        if not found:
            return None
        # Many numbers depend on n: the floor is of as many as were generated, if there are so many real ones.
        enough = [real for real in found if real.source.n >= self.plan.order.n]
        return self._at_most(enough[0] if enough else max(found, key=lambda real: real.source.n), self.plan.order.n)

    def _at_most(self, real: Real, n: int) -> Real:
        """Return `n` of many real examples, drawn without replacement."""
        import numpy as np

        if real.source.n <= n:
            return real
        return real.first(np.sort(np.argsort(self.noise("floor").uniform(real.source.n), kind="stable")[:n]))

    def _needed(self, part: Part) -> Real:
        real = self.real(part)
        if real is None:
            raise UsageError(f"there is no {part} part", hint="give real examples: --data DATA")
        return real

    def items(self, part: Part) -> Items:
        """Return the content of a part. Raises UsageError where there is none."""
        return self.samples.items if part == "generated" else self._needed(part).items

    def sources(self, part: Part) -> list[str] | None:
        """Return what each text of a part was made of, e.g. articles of summaries, or None."""
        if part != "generated":
            return self._needed(part).sources
        return None if self.prompts is None else self.prompts[: self.plan.order.n]

    def conditions(self, part: Part) -> NDArray[np.int64] | None:
        """Return the label of each item of a part, as an index of ``labels``, or None."""
        return self.samples.conditions if part == "generated" else self._needed(part).conditions

    def features(self, part: Part) -> NDArray[np.float32]:
        """Return what the embedder makes of a part, ``(N, D)``."""
        return self._looked_at("features", part)

    def probabilities(self, part: Part) -> NDArray[np.float32]:
        """Return the probabilities that the embedder gives its own classes, ``(N, K)``."""
        return self._looked_at("probabilities", part)

    def _looked_at(self, what: str, part: Part) -> NDArray[np.float32]:
        key = (self._eyes.space_id, what, part)
        if key not in self._seen:
            look = self._eyes.embed if what == "features" else self._eyes.probabilities
            self._seen[key] = look(self.items(part))
        return self._seen[key]

    def embed(self, items: Items) -> NDArray[np.float32]:
        """Return what the embedder makes of anything else that it looks at, ``(N, D)``.

        Raises:
            UsageError: it does not look at such content.
        """
        modality = "text" if isinstance(items, list) else "image"
        if modality not in self._eyes.modalities:
            raise UsageError(f"{self.space} does not look at {modality}", hint="for example: --embedder emoji-joint")
        return self._eyes.embed(items)

    def judge(self, model: str) -> Judge:
        """Return another model of this modality. Raises as planning an order for it does."""
        from aigc_core.pipeline import Order

        planner = self._pipeline.planner
        found, entry = planner.chooser.choose(Order(self.plan.order.modality, model=model))
        factory = planner.registry.resolve(entry.spec.factory, entry)
        plan = replace(self.plan, entry=entry, model=found, factory=factory)
        return Judge(plan.name, found.sha256 if found else "", self._pipeline.generator(plan))

    def noise(self, name: str) -> Noise:
        """Return a stream that depends on the evaluation's seed and `name` alone."""
        return Noise(self.plan.order.seed, f"evaluate/{name}")
