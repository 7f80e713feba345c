"""What ``aigc.json`` says: the format of a model folder."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from aigc_core.content import JSON
from aigc_core.provenance.schema import MAX_MICRO_BATCH, Name, Sha256


class Required(BaseModel):
    """The embedder whose vectors a model was trained with: no other's mean anything to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Name = Field(description="name of the model, e.g. emoji-joint")
    sha256: Sha256 = Field(description="of its aigc.json")
    space_id: str = Field(max_length=300, description="only vectors of one space are compared")
    of: Literal["text", "image"] = Field(description="modality of what was embedded while the model was trained")


class Manifest(BaseModel):
    """What ``aigc.json`` says. Unknown keys are errors: a newer format must not be half understood."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    name: Name
    component: str = Field(description="generator or embedder the weights are for, e.g. image/gan")
    modality: str
    options: dict[str, JSON] = Field(description="what the component is built with")
    shape: tuple[int, ...] = Field(description="of one example: (C, H, W) for pictures, (T,) for texts of T tokens")
    labels: tuple[str, ...] = ()
    vector: int = Field(default=0, ge=0, description="length of the vector it is conditioned by; 0: none")
    requires: dict[Literal["vector"], Required] = Field(
        default_factory=dict, description="where what it is conditioned by comes from, by the kind of condition"
    )
    prompt: Literal["none", "optional", "required"] = "none"
    precision: Literal["float32", "bfloat16"] = "float32"
    micro_batch: int = Field(default=16, ge=1, le=MAX_MICRO_BATCH, description="every call has exactly so many items")
    licence: str = "unknown"
    files: dict[str, str] = Field(description="sha256 of every file that decides what the model makes")
