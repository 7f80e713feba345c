"""What can be set of metrics about texts."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PerplexityOptions(_Strict):
    """What can be set of ``perplexity``."""

    most: int = Field(1000, ge=1, description="real texts whose likelihood is worked out")
    samples: int = Field(500, ge=1, le=10_000, description="latents a text, where a likelihood is bounded by them")


class JudgeOptions(_Strict):
    """What can be set of ``judge``."""

    model: str = Field("", description="the model that judges, by name or folder")
    most: int = Field(1000, ge=1, description="texts that are judged")
    samples: int = Field(50, ge=1, le=10_000, description="latents a text, where its likelihood is bounded by them")


class LatentsOptions(_Strict):
    """What can be set of ``latents``."""

    most: int = Field(2000, ge=20, description="real texts that are encoded")


class TextReconstructionOptions(_Strict):
    """What can be set of ``text-reconstruction``."""

    most: int = Field(1000, ge=1, description="real texts that are encoded and made again")


class VarietyOptions(_Strict):
    """What can be set of ``distinct``, ``repetition`` and ``self-bleu``: numbers that depend on how many texts."""

    most: int = Field(500, ge=2, description="texts that are looked at; numbers of other counts are other numbers")


class CopyingOptions(_Strict):
    """What can be set of ``copying``."""

    run: int = Field(8, ge=2, description="so many words in a row, or Chinese characters, are a copy")
    line: int = Field(5, ge=1, description="lines with fewer characters are not counted")
