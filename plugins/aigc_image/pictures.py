"""What the picture generators share: from a model folder to networks, and from latents to pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
from PIL import Image
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from aigc_core import DataShape, Final, Item, LoadedModel, ModelError, Noise, UsageError


class PictureGenerator(ABC):
    """A trained component that draws a latent for each item and turns all of them into pictures at once.

    A subclass fulfils the training contract (``aigc_core.Trainable``); this class adds ``from_model`` and
    ``generate``. Items share nothing but the shape of the batch, so an item's picture is the same whatever its
    neighbours are.
    """

    Config: ClassVar[type[BaseModel]]
    networks: Mapping[str, nn.Module]
    sampling: tuple[str, ...]

    @abstractmethod
    def __init__(self, config: Any, data: DataShape) -> None: ...

    @abstractmethod
    def latent(self, noise: Noise, options: Any) -> Any:
        """Draw the latent of one item: float32 ``(D,)``."""

    @abstractmethod
    def sample(self, latent: Tensor, condition: Tensor | None) -> Tensor:
        """Turn latents ``(B, D)`` and labels ``(B,)`` into pictures ``(B, C, H, W)`` in [0, 1]."""

    def sampler_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes of the tensors that ``fit_sampler`` makes."""
        return {}

    def load_sampler(self, tensors: Mapping[str, Tensor]) -> None:  # noqa: B027 - many have none, and need not say so
        """Take the tensors that ``fit_sampler`` once made."""

    @classmethod
    def from_model(cls, model: LoadedModel) -> Self:
        """Build the generator that a model folder holds.

        Raises:
            ModelError: its options or tensors do not fit this class; the message names them.
        """
        if model.precision != "float32":
            raise ModelError(f"model {model.name!r} is pinned to {model.precision}", hint="only float32 is known here")
        try:
            config = cls.Config.model_validate(dict(model.options))
        except ValidationError as error:
            wrong = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
            raise ModelError(f"model {model.name!r} has options that {cls.__name__} cannot take: {wrong}") from error
        if len(model.shape) != 3 or min(model.shape) < 1:
            raise ModelError(f"model {model.name!r} has the shape {tuple(model.shape)}, which no picture has")
        try:
            # Networks start out random, from torch's own generator, which is not ours to move.
            with torch.random.fork_rng(devices=[]):
                generator = cls(config, DataShape(tuple(model.shape), tuple(model.labels)))
        except UsageError as error:
            raise ModelError(f"model {model.name!r}: {error.message}", hint=error.hint) from error
        generator._load(model.name, model.tensors())
        return generator

    def _load(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        weights = {
            f"{network}.{key}": tensor
            for network in self.sampling
            for key, tensor in self.networks[network].state_dict().items()
        }
        shapes = {key: tuple(tensor.shape) for key, tensor in weights.items()}
        shapes |= {f"sampler.{key}": shape for key, shape in self.sampler_shapes().items()}
        wrong = [f"{key} is missing" for key in shapes.keys() - tensors.keys()]
        wrong += [f"{key} is unknown" for key in tensors.keys() - shapes.keys()]
        wrong += [
            f"{key} is {tuple(tensors[key].shape)}, not {shapes[key]}"
            for key in shapes.keys() & tensors.keys()
            if tuple(tensors[key].shape) != shapes[key]
        ]
        wrong += [f"{key} is not finite" for key in shapes.keys() & tensors.keys() if not tensors[key].isfinite().all()]
        if wrong:
            raise ModelError(
                f"the weights of model {name!r} do not fit its options: {'; '.join(sorted(wrong)[:5])}",
                hint="the folder was changed or is from another version; train or install it again",
            )
        for key, tensor in weights.items():
            tensor.copy_(tensors[key])
        self.load_sampler({key: tensors[f"sampler.{key}"] for key in self.sampler_shapes()})
        for network in self.networks.values():
            network.eval().requires_grad_(False)

    def generate(self, items: Sequence[Item]) -> Iterator[Final]:
        """Yield one picture an item, in order."""
        latents = torch.stack([torch.from_numpy(self.latent(item.noise, item.options)) for item in items])
        labels = [item.condition.index for item in items]
        condition = None if None in labels else torch.tensor(labels)
        with torch.inference_mode():
            pixels = self.sample(latents, condition)
        for index, picture in enumerate(to_pictures(pixels)):
            yield Final(index, picture)


def to_pictures(pixels: Tensor) -> list[Image.Image]:
    """Turn ``(B, C, H, W)`` in [0, 1] into 8-bit pictures: ``L`` for one channel, ``RGB`` for three."""
    rounded = pixels.clamp(0, 1).mul(255).round().to(torch.uint8)
    arrays = rounded.permute(0, 2, 3, 1).contiguous().numpy()  # (B, H, W, C)
    return [Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array) for array in arrays]
