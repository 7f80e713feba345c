"""What can be set of embedders and metrics (``…Options``), and when a classifier is trained (``…Config``)."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClassifierConfig(_Strict):
    """What the network of ``image/classifier`` depends on."""

    width: int = Field(16, ge=1, le=1024, description="channels at full size; four times as many at a quarter")
    features: int = Field(64, ge=2, le=8192, description="numbers that a picture is seen as")
    dropout: float = Field(0.4, ge=0, lt=1, description="share of hidden units left out while it trains")


class EfficientNetOptions(_Strict):
    """What can be set of ``efficientnet-lite0``."""

    size: int = Field(128, ge=32, le=512, description="pixels a side that pictures are brought to before it looks")


class RandomConvOptions(_Strict):
    """What can be set of ``random-conv``."""

    width: int = Field(16, ge=4, le=512, description="channels of the first layer; four times as many in the last")
    seed: int = Field(0, ge=0, lt=2**63, description="of the weights")


class InceptionOptions(_Strict):
    """What can be set of ``inception``."""

    path: Path | None = Field(None, exclude=True, description="the TorchScript file; default: AIGC_INCEPTION")


class KidOptions(_Strict):
    """What can be set of ``kid``."""

    subsets: int = Field(100, ge=2, le=10_000, description="how many estimates the number is the mean of")
    size: int = Field(1000, ge=2, le=100_000, description="items of each side in one; at most half of what there is")


class ManifoldOptions(_Strict):
    """What can be set of ``manifold``: how far neighbourhoods reach."""

    k_precision: int = Field(3, ge=1, le=100, description="of precision and recall")
    k_density: int = Field(5, ge=1, le=100, description="of density and coverage")


class ReconstructionOptions(_Strict):
    """What can be set of ``reconstruction``."""

    most: int = Field(2000, ge=1, description="pictures that are encoded and made again")


class LikelihoodOptions(_Strict):
    """What can be set of ``likelihood``."""

    most: int = Field(500, ge=1, description="pictures whose likelihood is bounded")
    samples: int = Field(50, ge=1, le=10_000, description="latents a picture: the bound is the tighter the more")
