"""What can be set of ``text/vae``: on each request, and when one is trained. Imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Stop = Annotated[str, Field(min_length=1)]


class VaeConfig(BaseModel):
    """What the networks and the loss of ``text/vae`` depend on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokenizer: Literal["auto", "bpe", "character"] = Field(
        "auto", description="what a text is made of: byte pairs, or characters; auto: characters for Chinese"
    )
    vocabulary: int | None = Field(
        None, ge=4, le=65_536, description="different tokens; none: as many as suit the texts"
    )
    longest: int = Field(96, ge=2, le=4096, description="tokens of a text; what a text has more is cut off")
    longest_source: int | None = Field(
        None,
        ge=2,
        le=4096,
        description="read so many tokens of a text to summarise, and not the rest; none: all, of at most 4,096",
    )
    latent_dim: int = Field(32, ge=1, le=1024, description="numbers that a text is made from")
    embedding: int = Field(256, ge=4, le=4096, description="numbers that a token becomes for the decoder")
    hidden: int = Field(256, ge=4, le=4096, description="units of the decoder's LSTM")
    encoder_hidden: int = Field(128, ge=4, le=4096, description="units of the encoder's LSTM, each way")
    bidirectional: bool = Field(True, description="let the encoder read from both ends")
    condition_dim: int = Field(64, ge=1, le=4096, description="numbers that a label or vector becomes")
    dropout: float = Field(
        0.3, ge=0, lt=1, description="share of the decoder's inputs and outputs left out in training"
    )
    word_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the words before that the decoder may not see in training"
    )
    gamma: float = Field(
        0.6, ge=0, description="spread that batch normalisation holds the latents' means at; 0: none is held"
    )
    beta: float = Field(1.0, ge=0, description="weight of the divergence from the prior; 1 is the ELBO")
    annealing: Literal["none", "linear", "cyclical"] = Field("none", description="how beta comes to its height")
    annealing_steps: int = Field(2000, ge=1, description="steps of the rise, or of one cycle of rise and rest")
    cycles: int = Field(4, ge=1, description="of cyclical annealing; afterwards beta rests")
    free_bits: float = Field(0.0, ge=0, description="nats of divergence that cost nothing")
    free_bits_of: Literal["dimension", "total"] = Field(
        "dimension", description="whether each dimension has its free bits, or all have them together"
    )
    warm_start: int = Field(0, ge=0, description="steps at the start as a plain autoencoder: no noise, no divergence")
    copy_words: bool = Field(True, description="let summaries take words out of the text that they summarise")
    temperature: float = Field(1.0, ge=0, allow_inf_nan=False, description="of requests that set none")
    top_p: float = Field(1.0, gt=0, le=1, allow_inf_nan=False, description="of requests that set none")


class VaeOptions(BaseModel):
    """What a request can set of ``text/vae``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(
        None,
        ge=0,
        le=100,
        allow_inf_nan=False,
        description="below 1 likelier, above 1 wilder; 0: the likeliest words. Where a text is given, 0 if not said",
    )
    latent_temperature: float = Field(
        1.0, ge=0, le=10, allow_inf_nan=False, description="scales the spread of the latent around its mean"
    )
    top_k: int = Field(0, ge=0, description="draw from so many most likely tokens; 0: from all")
    top_p: float | None = Field(
        None, gt=0, le=1, allow_inf_nan=False, description="draw from the likeliest that have this probability together"
    )
    min_p: float = Field(0.0, ge=0, lt=1, description="draw from tokens this many times as likely as the likeliest")
    typical_p: float = Field(
        1.0,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="draw from tokens about as surprising as the mean, with this probability together",
    )
    repetition_penalty: float = Field(
        1.0, gt=0, le=100, allow_inf_nan=False, description="divides the logits of tokens that were written before"
    )
    no_repeat_ngram: int | None = Field(
        None, ge=0, le=64, description="no run of so many tokens twice; 0: any. none: 3 in summaries"
    )
    max_tokens: int | None = Field(
        None, ge=1, le=4096, description="longest text; none: as long as the longest that was learnt from"
    )
    stop: Stop | list[Stop] = Field(default_factory=list, description="the text ends before the first of these strings")
    beams: int | None = Field(
        None, ge=1, le=64, description="follow so many texts at a time and give the likeliest; 1: draw. none: as suits"
    )
    cut: bool = Field(False, description="summaries: read the beginning of a text that is too long")
    strength: float | None = Field(
        None, ge=0, le=1, description="of variations of a text: 0 makes it again, 1 forgets it"
    )
    path: Literal["slerp", "lerp"] = Field(
        "slerp", description="between two texts: along a great circle, or a straight line"
    )

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings, however they were given."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)
