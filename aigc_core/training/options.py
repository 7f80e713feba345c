"""What can be set about a training, whatever is trained."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1)]


class TrainingOptions(BaseModel):
    """How the loop trains. What is trained, and towards what, stands in the component's own ``Config``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(10_000, ge=1, description="optimizer steps")
    batch: int = Field(64, ge=1, description="examples a step, over all processes")
    accumulate: int = Field(1, ge=1, description="parts that a step's examples are taken in, to save memory")
    lr: Rate | dict[str, Rate] = Field(
        2e-4, description="Adam's learning rate, one for all phases or one for each by name"
    )
    betas: tuple[Decay, Decay] = Field((0.9, 0.999), description="Adam's decay rates of the two moments")
    weight_decay: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="share of each weight that a step of learning rate 1 takes away"
    )
    clip: float = Field(0.0, ge=0, allow_inf_nan=False, description="largest norm of a phase's gradient; 0: any")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="keep the learning rate, or let it fall to zero along half a cosine"
    )
    warmup: int = Field(0, ge=0, description="steps over which the learning rate rises from zero")
    ema_images: float = Field(
        10_000,
        ge=0,
        allow_inf_nan=False,
        description="half-life of averaged weights, in examples seen; 0: no average",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of the arithmetic; weights stay float32. auto: bfloat16 where the machine is made for it"
    )
    compile: bool = Field(False, description="compile the networks first: needs a C++ compiler, pays in long trainings")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where to train")
    flip: bool = Field(False, description="augment: mirror every other picture")
    crop: int = Field(0, ge=0, description="augment: shift pictures by up to so many pixels")
    colour: float = Field(
        0.0, ge=0, le=1, allow_inf_nan=False, description="augment: vary brightness, contrast and saturation so much"
    )
    seed: int = Field(0, ge=0, lt=2**63, description="of the weights at the start, data order and noise")
    threads: int | None = Field(None, ge=1, description="torch's threads; none leaves them as they are")
    log_every: int = Field(100, ge=1, description="steps between two rows of the history")

    @model_validator(mode="after")
    def _batch_can_be_parted(self) -> Self:
        if self.batch % self.accumulate:
            raise ValueError(f"a batch of {self.batch} cannot be taken in {self.accumulate} equal parts")
        return self

    def lr_of(self, phase: str) -> float:
        """Return the learning rate of one phase at its highest."""
        return self.lr[phase] if isinstance(self.lr, dict) else self.lr

    def lr_factor(self, step: int) -> float:
        """Return what the learning rate is multiplied by at `step` (0 .. steps - 1), in (0, 1].

        The cosine is that of Loshchilov & Hutter 2017 (SGDR), eq. 5, with one period and a minimum of zero.
        """
        rise = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        if self.schedule == "constant":
            return rise
        return rise * 0.5 * (1 + math.cos(math.pi * step / self.steps))
