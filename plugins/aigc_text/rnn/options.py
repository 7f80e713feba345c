"""What can be set of ``text/rnn``: on each request, and when one is trained. Imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: What ends a line of verse: a line break, and between half-lines of Chinese verse its punctuation.
LINE_ENDS = "\n，。！？；"

Stop = Annotated[str, Field(min_length=1)]
Language = Literal["en", "zh"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class RnnOptions(BaseModel):
    """What a request can set of ``text/rnn``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="below 1 likelier, above 1 wilder; 0: always the likeliest token"
    )
    top_k: int = Field(0, ge=0, description="draw from so many of the likeliest tokens; 0: from all")
    top_p: float | None = Field(
        None, gt=0, le=1, allow_inf_nan=False, description="draw from the likeliest that have this probability together"
    )
    min_p: float = Field(
        0.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="draw from tokens at least so many times as likely as the first",
    )
    typical_p: float = Field(
        1.0,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="draw from tokens about as surprising as the mean, with this probability together",
    )
    repetition_penalty: Positive = Field(1.0, description="above 1, tokens that stand in the text become unlikelier")
    no_repeat_ngram: int = Field(0, ge=0, description="no so many tokens stand in the text twice; 0: they may")
    beams: int = Field(
        1,
        ge=1,
        le=64,
        description="search so many texts at once for the likeliest; nothing is drawn, seeds say nothing",
    )
    max_tokens: int = Field(256, ge=1, le=1_000_000, description="the text ends after so many tokens")
    min_tokens: int = Field(0, ge=0, description="the text does not end before so many tokens")
    stop: Stop | list[Stop] = Field(default_factory=list, description="the text ends before the first of these strings")
    echo: bool = Field(True, description="begin the text with the prompt")
    language: Language | None = Field(
        None, description="of a model that writes several: which one; none: that of the prompt, or the first it knows"
    )
    acrostic: str = Field("", description="the lines begin with these characters, one each: 藏头诗")
    line_ends: Stop = Field(LINE_ENDS, description="characters that end a line of an acrostic")

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings, however they were given."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    @property
    def searches(self) -> bool:
        """Whether transformers does the work."""
        return self.beams > 1 or self.no_repeat_ngram > 0

    @model_validator(mode="after")
    def _fits(self) -> RnnOptions:
        if self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens ({self.min_tokens}) is above max_tokens ({self.max_tokens})")
        if self.acrostic and self.searches:
            raise ValueError("an acrostic is written without beams and no_repeat_ngram")
        return self


class RnnConfig(BaseModel):
    """What the network and the examples of ``text/rnn`` depend on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cell: Literal["lstm", "gru"] = Field("lstm", description="kind of recurrent layer")
    layers: int = Field(1, ge=1, le=16, description="recurrent layers")
    hidden: int = Field(384, ge=4, le=8192, description="units of a layer")
    embedding: int = Field(256, ge=4, le=8192, description="numbers that a token becomes, and is recognised by")
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the numbers between layers left out in training, the same all along a text",
    )
    weight_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the weights from step to step left out in training"
    )
    layout: Literal["auto", "documents", "stream"] = Field(
        "auto",
        description="documents: each text alone; stream: all texts as one, read on from step to step; "
        "auto: documents where all are short or have a label or vector",
    )
    window: int = Field(64, ge=2, le=65_536, description="stream: tokens a step, through which gradients go back")
    longest: int = Field(
        512, ge=2, le=65_536, description="documents: tokens of a text; what a text has more is cut off"
    )
    tokenizer: Literal["auto", "bpe", "character"] = Field(
        "auto", description="what a text is made of: byte pairs, or characters; auto: characters for Chinese"
    )
    vocabulary: int | None = Field(
        None, ge=4, le=65_536, description="different tokens; none: as many as suit the texts"
    )
    languages: tuple[Language, ...] = Field(
        (), description="languages that are told apart by their script, so that a request can ask for one"
    )
    temperature: float = Field(1.0, ge=0, allow_inf_nan=False, description="of requests that set none")
    top_p: float = Field(1.0, gt=0, le=1, allow_inf_nan=False, description="of requests that set none")
