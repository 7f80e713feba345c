"""Letting a model make something for a training: the way anybody would, moderated, but without a user's steps."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from aigc_core.content import Artifact, Content
from aigc_core.events import ArtifactCreated
from aigc_core.pipeline import Order, Pipeline


def make(
    pipeline: Pipeline,
    modality: str,
    model: Path,
    n: int,
    seed: int,
    given: str | Mapping[str, Content] | None = None,
) -> list[Artifact]:
    """Make `n` items with the model in a folder, of a prompt or inputs, and return those that moderation lets pass.

    The steps of ``[pipeline.MODALITY]`` are left out: what is learnt from, and shown of a model, is the model's own.
    """
    prompt = given if isinstance(given, str) else None
    inputs = given if isinstance(given, Mapping) else {}
    order = Order(modality, n=n, seed=seed, prompt=prompt, inputs=inputs, model=str(model))
    plan = pipeline.planner.plan(order, configured_steps=False)
    with closing(pipeline.stream(plan, surface="train")) as events:
        return [event.artifact for event in events if isinstance(event, ArtifactCreated)]
