"""What can be set: on each request (``…Options``), and when a model is trained (``…Config``). Imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Architecture = Literal["mlp", "conv", "deep"]
GanLoss = Literal["minimax", "non-saturating", "hinge", "least-squares", "wasserstein-gp", "relativistic"]
AUGMENTATIONS = "colour|translation|cutout"
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
        None,
        description="draw latents from the prior, or from the mixture fitted to pictures (of what is asked for); "
        "none: as the model was trained for",
    )
    temperature: float = Field(1.0, gt=0, le=2, description="scales the spread of the latent around its mean")
    strength: float | None = Field(
        None, ge=0, le=1, description="of variations of a picture: 0 makes it again, 1 is as far as any two are apart"
    )
    recall: float | None = Field(
        None,
        ge=0,
        le=1000,
        description="take what is asked for as one of the things that were learnt, the larger the surer the nearest; "
        "0: as it is; none: as the model was trained for",
    )


class AutoencoderOptions(_Strict):
    """What a request can set of ``image/autoencoder``."""

    temperature: float = Field(1.0, gt=0, le=2, description="scales the spread around a mixture component's mean")
    strength: float | None = Field(
        None, ge=0, le=1, description="of variations of a picture: 0 makes it again, 1 is as far as any two are apart"
    )


class _Networks(_Strict):
    architecture: Architecture = Field(
        "conv", description="fully connected layers; convolutions to a quarter; or to about 4×4, for larger pictures"
    )
    latent_dim: int = Field(64, ge=1, le=4096, description="numbers that a picture is made from")
    width: int = Field(
        32, ge=4, le=1024, description="conv: channels at full size, twice as many at a quarter; deep: at half size"
    )
    hidden: int = Field(256, ge=4, le=8192, description="units of a fully connected hidden layer")
    depth: int | None = Field(
        None, ge=2, le=10, description="deep: how often the sides are halved; none: down to about 4×4"
    )


class GanConfig(_Networks):
    """What the networks and losses of ``image/gan`` depend on."""

    loss: GanLoss = Field("non-saturating", description="what discriminator and generator play for")
    embedding_dim: int = Field(32, ge=1, le=1024, description="numbers that the generator makes of a label or vector")
    refined: int = Field(
        0, ge=0, le=10, description="deep: so many of the generator's finest sizes get a residual convolution"
    )
    spectral_norm: bool = Field(
        True, description="conv and deep: hold the discriminator's Lipschitz constant at about 1"
    )
    r1_gamma: float | None = Field(
        None, ge=0, description="weight of R1, the squared gradient on real pictures; none: as the loss asks for"
    )
    r2_gamma: float | None = Field(
        None, ge=0, description="weight of R2, the same on generated pictures; none: as the loss asks for"
    )
    regularise_every: int = Field(8, ge=1, description="R1 and R2 are due each so many steps, and count as much more")
    gradient_penalty: float | None = Field(
        None, ge=0, description="weight of (gradient - 1)² between real and generated; none: as the loss asks for"
    )
    diffaugment: str = Field(
        "",
        pattern=f"^(({AUGMENTATIONS})(,({AUGMENTATIONS}))*)?$",
        description="what the discriminator sees is augmented by: colour, translation, cutout, joined by commas",
    )
    generator_every: int = Field(1, ge=1, description="the generator learns each so many discriminator steps")


class VaeConfig(_Networks):
    """What the networks and losses of ``image/vae`` depend on."""

    latent_dim: int = Field(16, ge=1, le=4096, description="numbers that a picture is made from")
    reconstruction: Literal["bernoulli", "gaussian", "laplace", "mse"] = Field(
        "bernoulli", description="likelihood of a picture given its latent"
    )
    beta: float = Field(1.0, ge=0, description="weight of the divergence from the prior; 1 is the ELBO")
    beta_warmup: int = Field(0, ge=0, description="steps over which beta rises from zero")
    embedding_dim: int = Field(64, ge=1, le=1024, description="numbers that the decoder makes of a vector")
    encoder_width: int | None = Field(
        None, ge=4, le=1024, description="width of the encoder; none: as wide as the decoder"
    )
    sampler: Sampler = Field("gmm", description="where latents are drawn from unless a request says otherwise")
    components: int = Field(64, ge=1, le=4096, description="Gaussians in the mixture fitted to the codes")
    recall: float = Field(
        0, ge=0, le=1000, description="told vectors: how surely one is taken for the nearest that was learnt; 0: never"
    )


class AutoencoderConfig(_Networks):
    """What the networks and losses of ``image/autoencoder`` depend on."""

    latent_dim: int = Field(16, ge=1, le=4096, description="numbers that a picture is made from")
    reconstruction: Literal["bernoulli", "mse"] = Field("mse", description="how far a picture is from its copy")
    components: int = Field(64, ge=1, le=4096, description="Gaussians in the mixture fitted to the codes")
