"""Writing down what a plan did to one item (design section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from aigc_core.content import JSON, Content
from aigc_core.pipeline.plan import Plan
from aigc_core.pipeline.stages import Made, Prepared
from aigc_core.provenance import content_digest
from aigc_core.randomness import Between


class RecipeBook:
    """Writes the recipes of one plan; what all its items share is described once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        entry, model = plan.entry, plan.model
        self._shared: dict[str, JSON] = {
            "format": 1,
            "modality": plan.order.modality,
            "options": plan.options_json,
            "generator": {
                "name": entry.spec.name,
                "plugin": entry.plugin.name,
                "version": entry.plugin.version,
            },
            "model": model
            and {
                "name": model.name,
                "files": model.files,
                "precision": model.precision,
                "micro_batch": model.manifest.micro_batch,
            },
        }

    @cached_property
    def _filters(self) -> list[JSON]:
        return [
            {"name": ready.spec.name, "plugin": ready.plugin.name, "version": ready.plugin.version}
            for ready in self.plan.moderator.filters
        ]

    def _write(self, verdict: str, **item: Any) -> dict[str, JSON]:
        moderation = {"policy": self.plan.moderator.policy, "filters": self._filters, "verdict": verdict}
        return {**self._shared, **item, "moderation": moderation}

    def _digests(self, inputs: Mapping[str, Content]) -> dict[str, str]:
        """Return the digest of each input; those that all items share are worked out once."""
        return self._shared_inputs if inputs is self.plan.inputs else _digests(inputs)

    @cached_property
    def _shared_inputs(self) -> dict[str, str]:
        return _digests(self.plan.inputs)

    def made(self, prepared: Prepared, made: Made, selection: JSON) -> dict[str, JSON]:
        """Return the recipe of an artifact."""
        request, condition = prepared.request, prepared.condition
        return self._write(
            str(prepared.verdict.joined(made.verdict).action),
            **_origin(prepared),
            prompt=request.prompt,
            inputs=self._digests(request.inputs),
            condition={
                "kind": condition.kind,
                "value": condition.value if condition.record is None else condition.record,
                "drawn": condition.drawn,
            },
            pre=list(prepared.pre),
            post=list(made.post),
            selection=selection,
        )

    def blocked(self, prepared: Prepared) -> dict[str, JSON]:
        """Return the recipe of a blocked item: no prompt, nothing a step made of it, and none of its options."""
        return self._write(
            "block",
            options={},
            **_origin(prepared),
            prompt=None,
            inputs={},
            condition={"kind": "none", "value": None, "drawn": False},
            pre=[],
            post=[],
            selection=None,
        )


def _digests(inputs: Mapping[str, Content]) -> dict[str, str]:
    return {name: content_digest(content) for name, content in inputs.items()}


def _origin(prepared: Prepared) -> dict[str, JSON]:
    """Return what says where an item lies: its seed, or what format 1 does not know: a place between two of something.

    Format 2 is between two seeds, format 3 between the two inputs ``like`` and ``towards``.
    """
    source = prepared.source
    if isinstance(source, Between):
        return {"format": 2, "noise": {"a": source.a, "b": source.b, "t": source.t}}
    if prepared.between is not None:
        return {"format": 3, "seed": source, "between": prepared.between}
    return {"seed": source}
