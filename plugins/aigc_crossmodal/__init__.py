"""One space for text and pictures.

Nothing heavy is imported here: code is named, and imported when it is first used.
"""

from __future__ import annotations

from pathlib import Path

from aigc_core import DefaultFor, EmbedderSpec, MetricSpec, ModelSpec, SelectorSpec, hookimpl

MODELS = Path(__file__).parent / "models"


@hookimpl
def aigc_embedders() -> list[EmbedderSpec]:
    """Declare the joint embedding."""
    return [
        EmbedderSpec(
            "crossmodal/joint-embedding",
            "image",
            "aigc_crossmodal.joint:JointEmbedding.from_model",
            also=("text",),
            needs_model=True,
            trainable="aigc_crossmodal.joint:JointEmbedding",
            summary="A picture tower and a text tower into one space, trained on pictures with captions.",
        )
    ]


@hookimpl
def aigc_models() -> list[ModelSpec]:
    """Declare the bundled embedding; ``recipes/`` says how it was made, and its build writes ``SHA256SUMS``."""
    lines = (MODELS / "SHA256SUMS").read_text().splitlines()
    digests = {file: digest for digest, file in (line.split() for line in lines)}
    return [
        ModelSpec(
            "emoji-joint",
            "crossmodal/joint-embedding",
            MODELS / "emoji-joint",
            sha256=digests["emoji-joint/aigc.json"],
            licence="Apache-2.0",
            languages=("en", "zh"),
            summary="Emoji and what they are called, in English and Chinese, in one space.",
        )
    ]


@hookimpl
def aigc_selectors() -> list[SelectorSpec]:
    """Declare the selector."""
    return [
        SelectorSpec(
            "crossmodal/nearest",
            "aigc_crossmodal.nearest:nearest",
            options="aigc_crossmodal.options:NearestOptions",
            default_for=frozenset({DefaultFor("image", "prompt"), DefaultFor("text", "input")}),
            summary="Keeps the candidate that is nearest to the prompt, in a space of texts and pictures.",
        )
    ]


@hookimpl
def aigc_metrics() -> list[MetricSpec]:
    """Declare the metrics."""
    return [
        MetricSpec(
            "crossmodal/retrieval",
            "aigc_crossmodal.retrieval:retrieval",
            needs=("pairs",),
            options="aigc_crossmodal.options:RetrievalOptions",
            summary="Recall at k, median rank and mean reciprocal rank, texts to pictures and back.",
        ),
        MetricSpec(
            "crossmodal/geometry",
            "aigc_crossmodal.retrieval:geometry",
            needs=("pairs",),
            summary="Modality gap, alignment, uniformity and spread of a joint space.",
        ),
        MetricSpec(
            "crossmodal/match",
            "aigc_crossmodal.match:match",
            needs=("generated", "features", "prompts"),
            default=False,  # it wants an embedder that reads
            summary="How near what was made is to its prompt, and how often no other prompt is nearer.",
        ),
    ]
