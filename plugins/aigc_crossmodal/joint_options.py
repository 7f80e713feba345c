"""What can be set of ``crossmodal/joint-embedding`` when one is trained. Imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class JointConfig(BaseModel):
    """What the towers and losses of ``crossmodal/joint-embedding`` depend on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pictures: Literal["small", "efficientnet-lite0"] = Field(
        "small", description="picture tower: a small one of our own, or EfficientNet-Lite0"
    )
    begin: Literal["imagenet", "nothing"] = Field(
        "imagenet", description="efficientnet-lite0: with weights learnt on ImageNet (needs their package), or without"
    )
    size: int = Field(96, ge=32, le=512, multiple_of=32, description="side in pixels that pictures are seen at")
    frozen_blocks: int = Field(
        0, ge=0, le=100, description="of the picture tower's blocks, the first so many stay as they begin"
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="share of a picture's features that are left out in training")
    texts: Literal["bag", "transformer"] = Field(
        "bag", description="text tower: a weighted bag of words and pieces, or a small transformer"
    )
    tokens: int = Field(8192, ge=512, le=65_536, description="words and pieces of words at most")
    width: int = Field(128, ge=8, le=1024, multiple_of=8, description="numbers of each token's vector")
    dimensions: int = Field(256, ge=2, le=4096, description="of the space")
    loss: Literal["clip+mse", "vicreg", "mse"] = Field(
        "clip+mse", description="mse alone collapses to one point, and is there to be looked at"
    )
    mse_weight: float = Field(1.0, ge=0, allow_inf_nan=False, description="clip+mse: weight of the squared distance")
    clip_weight: float = Field(1.0, ge=0, allow_inf_nan=False, description="clip+mse: weight of the contrast")
    temperature: float = Field(0.05, gt=0.01, le=1, description="clip+mse: of the contrast at the start; it is learnt")
    freeze: Literal["pictures", "texts"] | None = Field(None, description="tower that stays as it begins")
