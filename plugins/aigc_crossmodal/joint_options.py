"""What can be set of ``crossmodal/joint-embedding`` when one is trained. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_serializer

#: Towers of our own; any other name is that of a checkpoint.
PICTURE_TOWERS = ("small", "efficientnet-lite0")
TEXT_TOWERS = ("bag", "transformer")


class JointConfig(BaseModel):
    """What the towers and losses of ``crossmodal/joint-embedding`` depend on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pictures: str = Field(
        "small",
        min_length=1,
        description="picture tower: small, efficientnet-lite0, or a checkpoint of transformers: its folder, or its "
        "name in the local cache",
    )
    begin: Literal["pretrained", "nothing"] = Field(
        "pretrained",
        description="efficientnet-lite0 and checkpoints: with the weights that were learnt elsewhere, or without",
    )
    fine_tune: bool = Field(
        False, description="let checkpoints learn, too; else only the layer after each of them does"
    )
    size: int = Field(
        96,
        ge=32,
        le=512,
        multiple_of=32,
        description="side in pixels that pictures are seen at; checkpoints have their own",
    )
    frozen_blocks: int = Field(
        0, ge=0, le=100, description="of our own picture towers' blocks, the first so many stay as they begin"
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="share of a picture's features that are left out in training")
    texts: str = Field(
        "bag",
        min_length=1,
        description="text tower: bag, a weighted one of words and pieces; transformer, a small one; or a checkpoint",
    )
    tokens: int = Field(
        8192, ge=512, le=65_536, description="words and pieces of words at most; checkpoints have their own"
    )
    width: int = Field(
        128, ge=8, le=1024, multiple_of=8, description="numbers of each token's vector; checkpoints have their own"
    )
    dimensions: int = Field(256, ge=2, le=4096, description="of the space")
    loss: Literal["clip+mse", "vicreg", "mse"] = Field(
        "clip+mse", description="mse alone collapses to one point, and is there to be looked at"
    )
    mse_weight: float = Field(1.0, ge=0, allow_inf_nan=False, description="clip+mse: weight of the squared distance")
    clip_weight: float = Field(1.0, ge=0, allow_inf_nan=False, description="clip+mse: weight of the contrast")
    temperature: float = Field(0.05, gt=0.01, le=1, description="clip+mse: of the contrast at the start; it is learnt")
    freeze: Literal["pictures", "texts"] | None = Field(None, description="tower that stays as it begins")

    @field_serializer("pictures", "texts")
    def _without_folder(self, tower: str) -> str:
        """What a checkpoint is called is kept with the model, not where it lay."""
        place = Path(tower).expanduser()
        lies_here = place.is_dir() or place.is_absolute() or tower.startswith((".", "~"))
        return place.resolve().name if lies_here and tower not in PICTURE_TOWERS + TEXT_TOWERS else tower

    @field_serializer("begin")
    def _as_kept(self, begin: str) -> str:
        """A model folder holds all weights itself: whoever builds its towers again needs nothing from elsewhere."""
        return "nothing"
