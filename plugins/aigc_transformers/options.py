"""What can be set of the components of this plugin. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Stop = Annotated[str, Field(min_length=1, max_length=200)]


class WritingOptions(BaseModel):
    """How a text is written, and with what arithmetic. None means: as the checkpoint says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(
        None,
        ge=0,
        le=100,
        allow_inf_nan=False,
        description="below 1 likelier tokens are drawn oftener; 0: the likeliest",
    )
    top_k: int | None = Field(None, ge=0, description="draw from so many likeliest tokens; 0: from all")
    top_p: float | None = Field(
        None, gt=0, le=1, allow_inf_nan=False, description="draw from the likeliest that have this probability together"
    )
    min_p: float | None = Field(
        None, ge=0, le=1, allow_inf_nan=False, description="draw from those at least so likely as the likeliest, times"
    )
    typical_p: float | None = Field(
        None, gt=0, le=1, allow_inf_nan=False, description="draw from those as surprising as is usual, up to this share"
    )
    repetition_penalty: float | None = Field(
        None, gt=0, le=100, allow_inf_nan=False, description="above 1, tokens that are there already become less likely"
    )
    no_repeat_ngram: int | None = Field(
        None, ge=0, le=100, description="never write the same so many tokens in a row twice; 0: may"
    )
    beams: int | None = Field(
        None, ge=1, le=64, description="follow so many texts and keep the likeliest: nothing is drawn; 1: draw"
    )
    max_tokens: int | None = Field(None, ge=1, le=1_000_000, description="how long at most; none: 256, or as it says")
    stop: tuple[Stop, ...] = Field((), max_length=32, description="end before the first of these texts")
    task: Literal["summarise", "translate", "answer"] | None = Field(
        None, description="what to do with the prompt, in words that the model knows"
    )
    language: str = Field("English", min_length=1, max_length=100, description="that task=translate translates into")
    template: str | None = Field(
        None, max_length=20_000, description="words around {prompt} (and {source}, {language}), instead of a task's"
    )
    precision: Literal["float32", "bfloat16"] | None = Field(
        None,
        description="of weights and arithmetic; bfloat16 takes half the memory; none: float32, or as int8 wants it",
    )
    quantise: Literal["none", "int8"] = Field(
        "none", description="int8: weights of linear layers in 8 bits, arithmetic in bfloat16; on the CPU"
    )
    device: Literal["cpu", "cuda", "mps"] = Field("cpu", description="where it runs")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.template is not None and self.task is not None:
            raise ValueError("template and task both say what to do with the prompt; leave one out")
        if self.template is not None and "{prompt}" not in self.template:
            raise ValueError("the template does not say where the prompt goes: write {prompt} in it")
        if (self.beams or 1) > 1 and self.temperature:
            raise ValueError("beams draw nothing, so they have no temperature; leave one out")
        if self.quantise == "int8" and (self.precision == "float32" or self.device != "cpu"):
            raise ValueError("quantise=int8 computes in bfloat16 and on the CPU; leave precision and device out")
        return self


class CausalOptions(WritingOptions):
    """Options of ``text/causal-lm``."""

    chat: bool | None = Field(
        None, description="put the prompt as a message, as the checkpoint's chat template has it; none: if it has one"
    )
    system: str | None = Field(None, max_length=20_000, description="what the model is told before the prompt")
    echo: bool | None = Field(
        None, description="begin the text with the prompt; none: where the model goes on from it word by word"
    )
    base: Path | None = Field(
        None, exclude=True, description="of an adapter: the folder of the checkpoint that it belongs to"
    )


class Seq2SeqOptions(WritingOptions):
    """Options of ``text/seq2seq``."""


class SentenceOptions(BaseModel):
    """Options of ``text/sentence-embedding``. None means: as the checkpoint says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pooling: Literal["mean", "cls", "max", "last"] | None = Field(None, description="how tokens become one vector")
    normalise: bool | None = Field(None, description="bring vectors to length 1")
    prefix: str | None = Field(None, max_length=1_000, description="words before each text, e.g. 'query: '")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="of weights and arithmetic")


class ClipOptions(BaseModel):
    """Options of ``crossmodal/clip``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    precision: Literal["float32", "bfloat16"] = Field("float32", description="of weights and arithmetic")


class Base(BaseModel):
    """The checkpoint that an adapter belongs to. A model names it by what it is, never by where it lies.

    Attributes:
        name: of the checkpoint.
        files: the sha256 of each file that decides what it makes.
        folder: where it was found; no part of the model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    files: dict[str, str]
    folder: Path | None = Field(None, exclude=True)


class AdapterConfig(BaseModel):
    """What an adapter of a ``text/causal-lm`` depends on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: Base | None = Field(None, description="the checkpoint to start from; --from names it")
    rank: int = Field(8, ge=1, le=1024, description="numbers that a change of weights passes through")
    alpha: int = Field(16, ge=1, description="weight of the adapter, over its rank")
    dropout: float = Field(0.05, ge=0, lt=1, description="share of the adapter's inputs left out in training")
    targets: tuple[str, ...] = Field((), description="names of layers that are adapted; none: all linear ones")
    longest: int | None = Field(
        None,
        ge=2,
        le=65_536,
        description="tokens learnt from at a time; longer texts are parted; none: 256, if so many fit",
    )
    chat: bool | None = Field(
        None, description="learn pairs as a message and its answer; none: if the checkpoint has a chat template"
    )

    @model_validator(mode="after")
    def _starts_somewhere(self) -> Self:
        if self.base is None:
            raise ValueError("it starts from a checkpoint; name one: --from FOLDER")
        return self
