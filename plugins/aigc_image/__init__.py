"""Picture generators: adversarial networks, variational and plain autoencoders, and models of digits and emoji.

Nothing heavy is imported here: classes are named, and imported when they are first used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aigc_core import DefaultFor, GeneratorSpec, ModelSpec, hookimpl

MODELS = Path(__file__).parent / "models"


def _generator(
    kind: str, name: str, summary: str, *, conditions: tuple[str, ...] = ("none",), encodes: bool = False
) -> GeneratorSpec:
    where = f"aigc_image.{kind}:{name}"
    return GeneratorSpec(
        f"image/{kind}",
        "image",
        f"{where}.from_model",
        options=f"aigc_image.options:{name}Options",
        conditions=conditions,
        inputs={"like": "image"} if encodes else {},
        trainable=where,
        summary=summary,
    )


@hookimpl
def aigc_generators() -> list[GeneratorSpec]:
    """Declare the algorithms."""
    return [
        _generator(
            *("gan", "Gan", "Generative adversarial networks, fully connected, conv or deep."),
            conditions=("none", "label", "vector"),
        ),
        _generator(
            *("vae", "Vae", "Variational autoencoder, sampled from its prior or a fitted mixture."),
            conditions=("none", "vector"),
            encodes=True,
        ),
        _generator(
            *("autoencoder", "Autoencoder", "Plain autoencoder, sampled through a fitted mixture."), encodes=True
        ),
    ]


@hookimpl
def aigc_models() -> list[ModelSpec]:
    """Declare the bundled models; ``recipes/`` says how each was made, and its build writes ``SHA256SUMS``."""
    lines = (MODELS / "SHA256SUMS").read_text().splitlines()
    digests = {file: digest for digest, file in (line.split() for line in lines)}

    def bundled(name: str, component: str, summary: str, *defaults: DefaultFor, **facts: Any) -> ModelSpec:
        return ModelSpec(
            name,
            component,
            MODELS / name,
            sha256=digests[f"{name}/aigc.json"],
            licence="Apache-2.0",
            default_for=frozenset(defaults),
            summary=summary,
            **facts,
        )

    return [
        bundled(
            *("emoji-from-text", "image/vae", "Emoji-like pictures of what a prompt says, in English or Chinese."),
            DefaultFor("image", given="prompt"),
            languages=("en", "zh"),
            prompt="optional",
        ),
        bundled("emoji-gan", "image/gan", "Emoji-like pictures, 64×64 in colour, by group.", DefaultFor("image")),
        bundled(
            "emoji-vae", "image/vae", "Soft emoji-like pictures, 64×64 in colour.", DefaultFor("image", given="like")
        ),
        bundled("digits-gan", "image/gan", "Handwritten digits, 28×28, by label."),
        bundled("digits-vae", "image/vae", "Handwritten digits, 28×28."),
        bundled("digits-ae", "image/autoencoder", "Handwritten digits, 28×28."),
    ]
