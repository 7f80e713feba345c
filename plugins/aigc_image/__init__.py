"""Picture generators: adversarial networks, variational and plain autoencoders, and digits models of each.

Nothing heavy is imported here: classes are named, and imported when they are first used.
"""

from __future__ import annotations

from pathlib import Path

from aigc_core import DefaultFor, GeneratorSpec, ModelSpec, hookimpl

MODELS = Path(__file__).parent / "models"


def _generator(kind: str, name: str, conditions: tuple[str, ...], summary: str) -> GeneratorSpec:
    where = f"aigc_image.{kind}:{name}"
    return GeneratorSpec(
        f"image/{kind}",
        "image",
        f"{where}.from_model",
        options=f"aigc_image.options:{name}Options",
        conditions=conditions,
        trainable=where,
        summary=summary,
    )


@hookimpl
def aigc_generators() -> list[GeneratorSpec]:
    """Declare the algorithms."""
    return [
        _generator("gan", "Gan", ("none", "label"), "Generative adversarial networks, fully connected or conv."),
        _generator("vae", "Vae", ("none",), "Variational autoencoder, sampled from its prior or a fitted mixture."),
        _generator("autoencoder", "Autoencoder", ("none",), "Plain autoencoder, sampled through a fitted mixture."),
    ]


@hookimpl
def aigc_models() -> list[ModelSpec]:
    """Declare the bundled models; ``recipes/`` says how each was made, and its build writes ``SHA256SUMS``."""
    lines = (MODELS / "SHA256SUMS").read_text().splitlines()
    digests = {file: digest for digest, file in (line.split() for line in lines)}

    def digits(kind: str, component: str, summary: str, *defaults: DefaultFor) -> ModelSpec:
        return ModelSpec(
            f"digits-{kind}",
            component,
            MODELS / f"digits-{kind}",
            sha256=digests[f"digits-{kind}/aigc.json"],
            licence="Apache-2.0",
            default_for=frozenset(defaults),
            summary=summary,
        )

    return [
        digits("gan", "image/gan", "Handwritten digits, 28×28, by label.", DefaultFor("image")),
        digits("vae", "image/vae", "Handwritten digits, 28×28."),
        digits("ae", "image/autoencoder", "Handwritten digits, 28×28."),
    ]
