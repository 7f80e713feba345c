"""What can be set: on each request (``…Options``), and when a model is trained (``…Config``). Imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Architecture = Literal["mlp", "conv"]
GanLoss = Literal["minimax", "non-saturating", "hinge"]
Sampler = Literal["prior", "gmm"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GanOptions(_Strict):
    """What a request can set of ``image/gan``."""

    truncation: float = Field(
        1.0, gt=0, le=1, description="shrinks the latent towards its mean: nearer 0, more typical and more alike"
    )


class VaeOptions(_Strict):
    """What a request can set of ``image/vae``."""

    sampler: Sampler | None = Field(
        None, description="draw latents from the prior or from the fitted mixture; none: as the model was trained for"
    )
    temperature: float = Field(1.0, gt=0, le=2, description="scales the spread of the latent around its mean")


class AutoencoderOptions(_Strict):
    """What a request can set of ``image/autoencoder``."""

    temperature: float = Field(1.0, gt=0, le=2, description="scales the spread around a mixture component's mean")


class _Networks(_Strict):
    architecture: Architecture = Field("conv", description="fully connected layers, or convolutions")
    latent_dim: int = Field(64, ge=1, le=4096, description="numbers that a picture is made from")
    width: int = Field(32, ge=4, le=1024, description="conv: channels at full size; twice as many at a quarter")
    hidden: int = Field(256, ge=4, le=8192, description="units of a fully connected hidden layer")


class GanConfig(_Networks):
    """What the networks and losses of ``image/gan`` depend on."""

    loss: GanLoss = Field("non-saturating", description="what discriminator and generator play for")
    embedding_dim: int = Field(32, ge=1, le=1024, description="numbers that a label becomes for the generator")
    spectral_norm: bool = Field(True, description="conv: hold the discriminator's Lipschitz constant at about 1")
    generator_every: int = Field(1, ge=1, description="the generator learns each so many discriminator steps")


class VaeConfig(_Networks):
    """What the networks and losses of ``image/vae`` depend on."""

    latent_dim: int = Field(16, ge=1, le=4096, description="numbers that a picture is made from")
    reconstruction: Literal["bernoulli", "gaussian", "mse"] = Field(
        "bernoulli", description="likelihood of a picture given its latent"
    )
    beta: float = Field(1.0, ge=0, description="weight of the divergence from the prior; 1 is the ELBO")
    sampler: Sampler = Field("gmm", description="where latents are drawn from unless a request says otherwise")
    components: int = Field(64, ge=1, le=4096, description="Gaussians in the mixture fitted to the codes")


class AutoencoderConfig(_Networks):
    """What the networks and losses of ``image/autoencoder`` depend on."""

    latent_dim: int = Field(16, ge=1, le=4096, description="numbers that a picture is made from")
    reconstruction: Literal["bernoulli", "mse"] = Field("mse", description="how far a picture is from its copy")
    components: int = Field(64, ge=1, le=4096, description="Gaussians in the mixture fitted to the codes")
