"""``image/classifier``: a small convolutional network that tells the classes of its training pictures apart.

It is trained to be an eye, not to be a product: what its last hidden layer makes of pictures is the space in which
generated and real ones are compared. No batch normalisation: what it makes of a picture depends on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from aigc_core import Batch, Context, DataShape, LoadedModel, Loss, ModelError, Phase, UsageError
from aigc_metrics.options import ClassifierConfig

#: Pictures looked at in one go: large enough to be fast, small enough to stay in a cache.
CHUNK = 250


class Network(nn.Module):
    """Pictures ``(B, C, H, W)`` in [0, 1] to features ``(B, features)``, and features to logits ``(B, classes)``.

    Five 3×3 convolutions, two of them with stride 2, and two linear layers, with dropout (Srivastava et al. 2014)
    before both of these while it trains.
    """

    def __init__(self, shape: tuple[int, ...], classes: int, width: int, features: int, dropout: float) -> None:
        super().__init__()
        channels, height, w = shape[0], -(-shape[1] // 4), -(-shape[2] // 4)  # stride 2 twice, rounded up
        self.convolutions = nn.Sequential(
            *(nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()),  # (B, width, H, W)
            *(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU()),  # (B, 2 width, H/2, W/2)
            *(nn.Conv2d(2 * width, 2 * width, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1), nn.ReLU()),  # (B, 4 width, H/4, W/4)
            *(nn.Conv2d(4 * width, 4 * width, 3, padding=1), nn.ReLU()),
            nn.Flatten(),
        )
        self.dropout = nn.Dropout(dropout)
        self.features = nn.Linear(4 * width * height * w, features)
        self.classes = nn.Linear(features, classes)

    def embed(self, pictures: Tensor) -> Tensor:
        """Return the last hidden layer, after its ReLU."""
        return torch.relu(self.features(self.dropout(self.convolutions(2 * pictures - 1))))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits."""
        return self.classes(self.dropout(self.embed(pictures)))


class Classifier:
    """A network that names the class of a picture; an embedder, and trainable by the product's own loop."""

    Config = ClassifierConfig

    def __init__(self, config: ClassifierConfig, data: DataShape) -> None:
        if len(data.labels) < 2:
            raise UsageError(
                "image/classifier learns to tell classes apart, and the pictures have none",
                hint="put the pictures of each class into a folder of its own",
            )
        self.config = config
        self.shape, self.labels = data.shape, data.labels
        network = Network(data.shape, len(data.labels), config.width, config.features, config.dropout)
        self.networks = {"classifier": network}
        self.scale = torch.ones(())
        self.inference = ("classifier",)
        self.phases = (Phase("classification", ("classifier",)),)

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        """Return the cross-entropy of the classes, mean over the batch."""
        logits = context.networks["classifier"](batch.data)  # (B, classes)
        correct = (logits.detach().argmax(dim=1) == batch.condition).float().mean()
        return Loss(cross_entropy(logits, batch.condition), {"accuracy": correct})

    def fit_sampler(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]:
        """Return the scale of its features: their root mean square over what it was trained on.

        Features are divided by it, so that kernels see numbers of about 1, whatever the scale they were learnt at.
        """
        squares = torch.stack([self._network.embed(batch.data).double().square().mean() for batch in data])
        self.scale = squares.mean().sqrt().float()
        return {"scale": self.scale}

    @property
    def _network(self) -> Network:
        return self.networks["classifier"]

    @classmethod
    def from_model(cls, model: LoadedModel, options: None = None) -> Self:
        """Build the classifier that a model folder holds.

        Raises:
            ModelError: its options or tensors do not fit this class.
        """
        try:
            config = cls.Config.model_validate(dict(model.options))
        except ValidationError as error:
            wrong = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
            raise ModelError(f"model {model.name!r} has options that {cls.__name__} cannot take: {wrong}") from error
        try:
            # Networks start out random, from torch's own generator, which is not ours to move.
            with torch.random.fork_rng(devices=[]):
                classifier = cls(config, DataShape(tuple(model.shape), tuple(model.labels)))
            weights = {key.removeprefix("classifier."): value for key, value in model.tensors().items()}
            classifier.scale = weights.pop("sampler.scale").reshape(())
            classifier._network.load_state_dict(weights)
        except (UsageError, RuntimeError, KeyError) as error:
            said = " ".join(str(error).split())
            raise ModelError(f"the weights of model {model.name!r} do not fit its options: {said[:300]}") from error
        classifier._network.eval().requires_grad_(False)
        return classifier

    def embed(self, items: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return features float32 ``(N, features)`` of pictures uint8 ``(N, C, H, W)``."""
        return self._look(items, lambda pictures: self._network.embed(pictures) / self.scale)

    def probabilities(self, items: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability of each class, float32 ``(N, classes)``."""
        return self._look(items, lambda pictures: self._network(pictures).softmax(dim=1))

    @torch.inference_mode()
    def _look(self, items: NDArray[np.uint8], at: Any) -> NDArray[np.float32]:
        if items.shape[1:] != tuple(self.shape):
            raise UsageError(
                f"this classifier sees pictures of {'×'.join(map(str, self.shape))}, "
                f"not of {'×'.join(map(str, items.shape[1:]))}",
                hint="choose another --embedder, for example random-conv",
            )
        parts = [items[start : start + CHUNK].astype(np.float32) / 255 for start in range(0, len(items), CHUNK)]
        return torch.cat([at(torch.from_numpy(part)) for part in parts]).numpy()
