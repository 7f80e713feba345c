"""Peer: the VAE, trainer and samplers of pythae (https://github.com/clementchadebec/benchmark_VAE), from PyPI.

It runs as it is: ``BaseTrainer`` with its DataLoader over tensors in memory, ``GenerationPipeline`` with
``NormalSampler`` or ``GaussianMixtureSampler``. Its talk goes nowhere, which costs it less than a terminal would. A
callback, its own way to watch a training, counts steps and ends the training after so many, because its own unit is a
whole epoch.

Two networks: its default for vectors, ``784-512-latent-512-784``; and, with `hidden`, that of ``vae_mlp``, given to it
as an encoder and a decoder of one's own, as its documentation describes.
"""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def model(latent_dim: int, *, reconstruction: str = "bce", hidden: int | None = None) -> Any:
    """Build its ``VAE`` for 28×28: with its default network, or with one hidden layer of `hidden` units."""
    from pythae.models import VAE, VAEConfig

    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=latent_dim, reconstruction_loss=reconstruction)
    if hidden is None:
        return VAE(config)
    return VAE(config, encoder=_encoder(hidden, latent_dim), decoder=_decoder(hidden, latent_dim))


def _encoder(hidden: int, latent_dim: int) -> Any:
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            BaseEncoder.__init__(self)
            self.features = nn.Sequential(nn.Linear(784, hidden), nn.ReLU())
            self.embedding = nn.Linear(hidden, latent_dim)
            self.log_var = nn.Linear(hidden, latent_dim)

        def forward(self, x: Tensor) -> Any:
            features = self.features(x.reshape(-1, 784))
            return ModelOutput(embedding=self.embedding(features), log_covariance=self.log_var(features))

    return Encoder()


def _decoder(hidden: int, latent_dim: int) -> Any:
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            BaseDecoder.__init__(self)
            self.layers = nn.Sequential(
                nn.Linear(latent_dim, hidden),
                nn.ReLU(),
                nn.Linear(hidden, 784),
                nn.Sigmoid(),
                nn.Unflatten(1, (1, 28, 28)),
            )

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=self.layers(z))

    return Decoder()


def train(
    vae: Any,
    pixels: Any,
    steps: int,
    on_step: Callable[[], None],
    *,
    batch: int,
    lr: float,
    seed: int = 8,
) -> Any:
    """Train on uint8 ``(N, 1, 28, 28)`` for `steps` steps with its ``BaseTrainer``, and return the model."""
    from pythae.data.datasets import BaseDataset
    from pythae.trainers import BaseTrainer, BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    class Count(TrainingCallback):
        done = 0

        def on_train_step_end(self, training_config: Any, **kwargs: Any) -> None:
            self.done += 1
            on_step()
            if self.done >= steps:
                raise _Enough

    with _quiet(), tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=steps,  # never reached: an epoch has at least one step
            learning_rate=lr,
            per_device_train_batch_size=batch,
            seed=seed,
            no_cuda=True,
        )
        dataset = BaseDataset(as_tensor(pixels), torch.ones(len(pixels)))
        trainer = BaseTrainer(vae, dataset, training_config=config, callbacks=[Count()])
        try:
            trainer.train()
        except _Enough:
            return trainer.model
    raise AssertionError("the training ended before its last step")


def as_tensor(pixels: Any) -> Tensor:
    """Return the pictures as it takes them: float32 in [0, 1]."""
    return torch.from_numpy(pixels).float().div(255)


def pipeline(vae: Any, components: int | None = None) -> Any:
    """Return its ``GenerationPipeline``, with a normal sampler or with a mixture of `components` Gaussians."""
    from pythae.pipelines import GenerationPipeline
    from pythae.samplers import GaussianMixtureSamplerConfig, NormalSamplerConfig

    config = GaussianMixtureSamplerConfig(n_components=components) if components else NormalSamplerConfig()
    return GenerationPipeline(model=vae, sampler_config=config)


def sample(vae: Any, count: int) -> Tensor:
    """Return ``(count, 1, 28, 28)`` in [0, 1] from the normal prior, by its pipeline with its defaults."""
    with _quiet():
        return pipeline(vae)(num_samples=count)


def fit_mixture(vae: Any, pixels: Any, components: int) -> Any:
    """Fit its ``GaussianMixtureSampler`` to the training pictures, and return it; then ``sampler.sample(count)``."""
    with _quiet():
        sampler = pipeline(vae, components).sampler
        sampler.fit(train_data=as_tensor(pixels))
    return sampler


def save(vae: Any, count: int, folder: Path) -> None:
    """Sample and write PNG files by its pipeline: three channels, no metadata."""
    with _quiet():
        pipeline(vae)(num_samples=count, output_dir=str(folder), return_gen=False)


class _Enough(Exception):  # noqa: N818 - no error
    pass


@contextmanager
def _quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
