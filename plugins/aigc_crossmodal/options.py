"""What can be set of the metrics and the selector. Imports no torch."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class RetrievalOptions(BaseModel):
    """What can be set of ``crossmodal/retrieval``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    k: tuple[Annotated[int, Field(ge=1)], ...] = Field((1, 5, 10), description="ranks that recall is counted up to")


class NearestOptions(BaseModel):
    """What can be set of ``crossmodal/nearest``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    embedder: str = Field("emoji-joint", description="embedder of texts and pictures that nearness is measured by")
