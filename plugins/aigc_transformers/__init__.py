"""Any local transformers checkpoint, as a generator or an embedder.

Nothing heavy is imported here, nor to find out which component a checkpoint is for.
"""

from __future__ import annotations

from aigc_core import EmbedderSpec, GeneratorSpec, hookimpl


@hookimpl
def aigc_generators() -> list[GeneratorSpec]:
    """Declare what writes."""
    return [
        GeneratorSpec(
            "text/causal-lm",
            "text",
            "aigc_transformers.causal:CausalLM.from_model",
            options="aigc_transformers.options:CausalOptions",
            conditions=("none", "prefix", "source"),
            inputs={"source": "text"},
            prompt="optional",
            trainable="aigc_transformers.lora:Lora",
            adopts="aigc_transformers.adoption:adopt_causal_lm",
            summary="Language models that go on from a text, or answer it: GPT, Llama, … from a local checkpoint.",
        ),
        GeneratorSpec(
            "text/seq2seq",
            "text",
            "aigc_transformers.seq2seq:Seq2Seq.from_model",
            options="aigc_transformers.options:Seq2SeqOptions",
            conditions=("source",),
            prompt="required",
            adopts="aigc_transformers.adoption:adopt_seq2seq",
            summary="Language models that make a text out of another: T5, BART, … from a local checkpoint.",
        ),
    ]


@hookimpl
def aigc_embedders() -> list[EmbedderSpec]:
    """Declare what texts and pictures are looked at through."""
    return [
        EmbedderSpec(
            "crossmodal/clip",
            "image",
            "aigc_transformers.clip:Clip",
            options="aigc_transformers.options:ClipOptions",
            needs_model=True,
            also=("text",),
            adopts="aigc_transformers.adoption:adopt_clip",
            summary="Pictures and texts in one space: CLIP, SigLIP, …, from a local checkpoint.",
        ),
        EmbedderSpec(
            "text/sentence-embedding",
            "text",
            "aigc_transformers.sentences:SentenceEmbedder",
            options="aigc_transformers.options:SentenceOptions",
            needs_model=True,
            adopts="aigc_transformers.adoption:adopt_sentence_embedding",
            summary="Sentences as vectors: checkpoints of sentence-transformers, and other encoders.",
        ),
    ]
