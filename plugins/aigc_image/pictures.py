"""What the picture generators share: from a model folder to networks, and from latents to pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from PIL import Image, ImageOps
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from aigc_core import DataShape, Final, Item, LoadedModel, ModelError, Noise, UsageError
from aigc_image.inference import Bfloat16

#: A size that is told by the data, in ``sampler_shapes``.
ANY = -1


class PictureGenerator(ABC):
    """A trained component that draws a latent for each item and turns all of them into pictures at once.

    A subclass fulfils the training contract (``aigc_core.Trainable``); this class adds ``from_model`` and
    ``generate``. Items share nothing but the shape of the batch, so an item's picture is the same whatever its
    neighbours are.

    Attributes:
        optional: how the names of tensors begin that a folder may lack, all of them: those that encode pictures.
            Folders of the first version have none.
        model: what the folder is called, and the shape of its pictures; set by ``from_model``.
    """

    Config: ClassVar[type[BaseModel]]
    networks: Mapping[str, nn.Module]
    inference: tuple[str, ...]
    optional: tuple[str, ...] = ()
    model: LoadedModel | None = None

    @abstractmethod
    def __init__(self, config: Any, data: DataShape) -> None: ...

    @abstractmethod
    def latent(self, noise: Noise, options: Any, condition: Any = None) -> Any:
        """Draw the latent of one item, which is told `condition`, a label or a vector: float32 ``(D,)``."""

    @abstractmethod
    def sample(self, latent: Tensor, condition: Tensor | None) -> Tensor:
        """Turn latents ``(B, D)`` and `conditions` into pictures ``(B, C, H, W)`` in [0, 1]."""

    def sampler_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes of the tensors that ``fit_sampler`` makes; ``ANY`` where a size depends on the data."""
        return {}

    def load_sampler(self, tensors: Mapping[str, Tensor]) -> None:  # noqa: B027 - many have none, and need not say so
        """Take the tensors that ``fit_sampler`` once made."""

    @classmethod
    def from_model(cls, model: LoadedModel) -> Self:
        """Build the generator that a model folder holds.

        Raises:
            ModelError: its options or tensors do not fit this class; the message names them.
        """
        if model.precision not in ("float32", "bfloat16"):
            raise ModelError(
                f"model {model.name!r} is pinned to {model.precision}", hint="only float32 and bfloat16 are known here"
            )
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
                generator = cls(config, DataShape(tuple(model.shape), tuple(model.labels), vector=model.vector))
        except UsageError as error:
            raise ModelError(f"model {model.name!r}: {error.message}", hint=error.hint) from error
        generator.model = model
        generator._load(model.name, model.tensors("float32"))
        if model.precision == "bfloat16":
            generator.networks = {name: Bfloat16(network) for name, network in generator.networks.items()}
        return generator

    def _load(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        weights = {
            f"{network}.{key}": tensor
            for network in self.inference
            for key, tensor in self.networks[network].state_dict().items()
        }
        shapes = {key: tuple(tensor.shape) for key, tensor in weights.items()}
        shapes |= {f"sampler.{key}": shape for key, shape in self.sampler_shapes().items()}
        if self.optional and not any(key.startswith(self.optional) for key in tensors):
            shapes = {key: shape for key, shape in shapes.items() if not key.startswith(self.optional)}
        if wrong := sorted(_misfits(shapes, tensors)):
            raise ModelError(
                f"the weights of model {name!r} do not fit its options: {'; '.join(wrong[:5])}",
                hint="the folder was changed or is from another version; train or install it again",
            )
        for key in shapes.keys() & weights.keys():
            weights[key].copy_(tensors[key])
        fitted = [key for key in self.sampler_shapes() if f"sampler.{key}" in shapes]
        self.load_sampler({key: tensors[f"sampler.{key}"] for key in fitted})
        there = {key.partition(".")[0] for key in shapes}
        self.networks = {name: network for name, network in self.networks.items() if name in there}
        for network in self.networks.values():
            network.eval().requires_grad_(False)

    def told(self, items: Sequence[Item]) -> Tensor | None:
        """Return what each item is told: ``conditions(items)``, unless a component takes it for something else."""
        return conditions(items)

    def latents(self, items: Sequence[Item], told: Tensor | None) -> Tensor:
        """Return the latent of each item, ``(B, D)``, given what all are told: ``told(items)``."""
        each = [None] * len(items) if told is None else told
        drawn = [self.latent(item.noise, item.options, one) for item, one in zip(items, each, strict=True)]
        return torch.from_numpy(np.stack(drawn))

    def generate(self, items: Sequence[Item]) -> Iterator[Final]:
        """Yield one picture an item, in order."""
        with torch.inference_mode():
            told = self.told(items)
            pixels = self.sample(self.latents(items, told), told)
        for index, picture in enumerate(to_pictures(pixels)):
            yield Final(index, picture)


def conditions(items: Sequence[Item]) -> Tensor | None:
    """Return the conditions of items: vectors ``(B, D)`` float32, labels ``(B,)`` int64, or none."""
    if items[0].condition.kind == "vector":
        return torch.from_numpy(np.stack([item.condition.value for item in items]))
    labels = [item.condition.index for item in items]
    return None if None in labels else torch.tensor(labels)


def _misfits(shapes: Mapping[str, tuple[int, ...]], tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """Say what keeps `tensors` from being those of `shapes`."""
    yield from (f"{key} is missing" for key in shapes.keys() - tensors.keys())
    yield from (f"{key} is unknown" for key in tensors.keys() - shapes.keys())
    for key in shapes.keys() & tensors.keys():
        if len(tensors[key].shape) != len(shapes[key]) or any(
            size not in (ANY, there) for size, there in zip(shapes[key], tensors[key].shape, strict=True)
        ):
            yield f"{key} is {tuple(tensors[key].shape)}, not {shapes[key]}"
        if not tensors[key].isfinite().all():
            yield f"{key} is not finite"


def to_pictures(pixels: Tensor) -> list[Image.Image]:
    """Turn ``(B, C, H, W)`` in [0, 1] into 8-bit pictures: ``L`` for one channel, ``RGB`` for three."""
    rounded = pixels.mul(255).round_().clamp_(0, 255).to(torch.uint8)
    arrays = rounded.permute(0, 2, 3, 1).contiguous().numpy()  # (B, H, W, C)
    if arrays.shape[3] == 1:
        arrays = arrays[..., 0]
    return [Image.fromarray(array) for array in arrays]


def to_pixels(picture: Image.Image, shape: Sequence[int]) -> Tensor:
    """Turn a picture of any size and mode into ``(C, H, W)`` in [0, 1], float32.

    What can be seen through is laid on white; the middle is cut out where the sides have another ratio.
    """
    channels, height, width = shape
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255 instead of scaling
        upright = Image.fromarray((np.asarray(upright, np.float64).clip(0, 65535) / 257).round().astype(np.uint8))
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
    plain = upright.convert("L" if channels == 1 else "RGB")
    fitted = ImageOps.fit(plain, (width, height), Image.Resampling.LANCZOS)
    values = np.asarray(fitted, np.float32).reshape(height, width, -1) / 255  # (H, W, C)
    return torch.from_numpy(values.transpose(2, 0, 1).copy())
