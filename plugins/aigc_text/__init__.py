"""Text generators: recurrent language models, variational autoencoders, and what turns texts into tokens.

Nothing heavy is imported here: classes are named, and imported when they are first used.
"""

from __future__ import annotations

from pathlib import Path

from aigc_core import DefaultFor, GeneratorSpec, ModelSpec, hookimpl

MODELS = Path(__file__).parent / "models"


@hookimpl
def aigc_generators() -> list[GeneratorSpec]:
    """Declare the algorithms."""
    return [
        GeneratorSpec(
            "text/rnn",
            "text",
            "aigc_text.rnn.generator:Rnn.from_model",
            options="aigc_text.rnn.options:RnnOptions",
            conditions=("none", "label", "vector", "prefix"),
            prompt="optional",
            trainable="aigc_text.rnn.generator:Rnn",
            summary="Recurrent language model, LSTM or GRU; goes on from a prompt, writes acrostics.",
        ),
        GeneratorSpec(
            "text/vae",
            "text",
            "aigc_text.vae.model:Vae.from_model",
            options="aigc_text.vae.options:VaeOptions",
            conditions=("none", "label", "vector", "source"),
            inputs={"like": "text", "towards": "text"},
            trainable="aigc_text.vae.model:Vae",
            summary="Variational autoencoder of sentences; varies them, goes between them, summarises texts.",
        ),
    ]


@hookimpl
def aigc_models() -> list[ModelSpec]:
    """Declare the bundled models; ``recipes/`` says how each was made, and its build writes ``SHA256SUMS``."""
    lines = (MODELS / "SHA256SUMS").read_text().splitlines()
    digests = {file: digest for digest, file in (line.split() for line in lines)}

    def bundled(
        name: str, component: str, languages: str, prompt: str, licence: str, summary: str, *defaults: DefaultFor
    ) -> ModelSpec:
        return ModelSpec(
            name,
            component,
            MODELS / name,
            sha256=digests[f"{name}/aigc.json"],
            licence=licence,
            languages=tuple(languages.split()),
            prompt=prompt,
            default_for=frozenset(defaults),
            summary=summary,
        )

    return [
        bundled(
            *("tang-rnn", "text/rnn", "zh", "optional", "Apache-2.0"),
            "Chinese quatrains of five and seven characters, by rhyme; goes on from a line, writes acrostics.",
            DefaultFor("text", given="prompt", language="zh"),
        ),
        bundled(
            *("verses-rnn", "text/rnn", "en", "optional", "Apache-2.0"),
            "English in the manner of the King James Bible.",
            DefaultFor("text", given="prompt"),
        ),
        bundled(
            *("emoji-caption", "text/rnn", "en zh", "optional", "Apache-2.0"),
            "What is in a picture, in a few words of English or Chinese.",
            DefaultFor("text", given="input"),
        ),
        bundled(
            *("sentences-vae", "text/vae", "en", "none", "WordNet"),
            "Short English sentences, variations of one, and ways between two.",
            DefaultFor("text"),
            DefaultFor("text", given="like"),
        ),
    ]
