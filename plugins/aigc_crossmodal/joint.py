"""``crossmodal/joint-embedding``: a picture tower and a text tower into one space (Radford et al. 2021, CLIP).

A caption and its picture come to lie at one point of the unit sphere, others apart. What anything is in that space
depends on it alone: there is no normalisation over batches, and pictures are always looked at sixteen at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor, nn

from aigc_core import (
    Alarm,
    Batch,
    CaptionedPictures,
    Context,
    DataShape,
    Examples,
    LoadedModel,
    Loss,
    ModelError,
    Phase,
    UsageError,
)
from aigc_crossmodal.joint_options import PICTURE_TOWERS, TEXT_TOWERS, JointConfig
from aigc_crossmodal.losses import info_nce, mse, same, scale_of, spread, vicreg
from aigc_crossmodal.pairs import Pairs
from aigc_crossmodal.tokens import LONGEST, TOKENIZER, CheckpointTokenizer, Tokenizer
from aigc_crossmodal.towers.checkpoints import (
    PICTURES,
    TEXTS,
    build_pictures,
    build_texts,
    describe_pictures,
    describe_texts,
)
from aigc_crossmodal.towers.efficientnet import begin_with_imagenet
from aigc_crossmodal.towers.pictures import PictureTower
from aigc_crossmodal.towers.texts import Bag, Transformer, unpacked

#: Pictures looked at in one go, filled up where there are fewer: another number may round another way.
CHUNK = 16
#: Points less spread than this are as good as one; what learns well is at 0.6 and more.
COLLAPSED = 0.1
#: A loss nearer to chance than this share of it has learnt nothing.
STUCK = 0.02

_TRAINING = {"batch": 64, "schedule": "cosine", "warmup": 100, "flip": False, "crop": 2, "colour": 0.2}


class Temperature(nn.Module):
    """The one number that similarities are multiplied by before they are compared; it is learnt as its logarithm."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    def forward(self) -> Tensor:
        """Return one over the temperature."""
        return scale_of(self.log_scale)


class JointEmbedding:
    """Two towers into one space; an embedder of pictures and texts, and trainable by the product's own loop."""

    Config = JointConfig
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "config": {"size": 64, "tokens": 4096, "width": 64, "dimensions": 128},
            "training": {**_TRAINING, "minutes": 5, "lr": 1e-3},
        },
        "small": {
            "config": {"pictures": "efficientnet-lite0", "size": 128, "frozen_blocks": 11},
            "training": {**_TRAINING, "minutes": 20, "lr": 3e-4},
        },
        "base": {
            "config": {"pictures": "efficientnet-lite0", "size": 192, "tokens": 24_576},
            "training": {**_TRAINING, "minutes": 240, "batch": 128, "lr": 1e-4},
        },
    }
    inference = ("pictures", "texts")
    phases = (Phase("joint", ("pictures", "texts", "temperature")),)

    def __init__(self, config: JointConfig, data: DataShape) -> None:
        self.config, self.data = config, data
        self.tokenizer = _tokenizer(data.files)
        self.pictures = _picture_tower(config, data.files)
        self.texts = _text_tower(config, data.files, self.tokenizer)
        self.networks: Mapping[str, nn.Module] = {
            "pictures": self.pictures,
            "texts": self.texts,
            "temperature": Temperature(config.temperature),
        }
        if config.freeze:
            self.networks[config.freeze].requires_grad_(False)

    @classmethod
    def examples(
        cls, config: JointConfig, captioned: CaptionedPictures, files: Mapping[str, bytes] | None = None
    ) -> Examples:
        """Return pairs as examples; a tokenizer is made of their captions where `files` hold none.

        Raises:
            UsageError: all pictures are one, or all captions: nothing could be told apart.
        """
        if len(set(captioned.captions)) < 2 or len(captioned.pixels) < 2:
            raise UsageError(
                "a joint embedding learns which of several captions goes with which of several pictures, and there is"
                " one of them",
                hint="give pictures of at least two things",
            )
        if files:
            return Pairs(captioned, _tokenizer(files), files)
        made = {}
        if config.pictures not in PICTURE_TOWERS:
            made[PICTURES] = describe_pictures(_place(config.pictures))
        if config.texts in TEXT_TOWERS:
            return Pairs(captioned, Tokenizer.train(captioned.captions, config.tokens), made)
        made[TEXTS], tokenizer = describe_texts(_place(config.texts))
        return Pairs(captioned, tokenizer, made)

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        """Return how far captions are from their pictures, and how near to others: as the option ``loss`` says."""
        assert batch.captions is not None
        pictures = context.networks["pictures"](batch.data)  # (B, dimensions)
        texts = context.networks["texts"](batch.captions)
        logs = {
            "distance": mse(pictures.detach(), texts.detach()),
            "spread": spread(pictures.detach()),
        }
        if self.config.loss == "mse":
            return Loss(mse(pictures, texts), logs)
        if self.config.loss == "vicreg":
            return Loss(vicreg(pictures, texts), logs)
        scale = context.networks["temperature"]()
        contrast = info_nce(pictures, texts, scale, same(batch.captions, batch.condition))
        logs |= {"contrast": contrast.detach(), "temperature": 1 / scale.detach()}
        logs["chance"] = torch.tensor(math.log(len(texts)))
        return Loss(self.config.clip_weight * contrast + self.config.mse_weight * mse(pictures, texts), logs)

    def alarms(self, logs: Mapping[str, float]) -> Sequence[Alarm]:
        """Return what looks wrong: all pictures on one point, or a contrast no better than chance."""
        found = []
        if (apart := logs.get("joint/spread")) is not None and apart < COLLAPSED:
            found.append(
                Alarm(
                    "collapse",
                    f"all pictures lie nearly on one point (spread {apart:.2g} of 1)",
                    "train with loss = clip+mse, which cannot collapse, or with a lower learning rate",
                )
            )
        contrast, chance = logs.get("joint/contrast"), logs.get("joint/chance")
        if contrast is not None and chance and abs(contrast - chance) < STUCK * chance:
            found.append(
                Alarm(
                    "nothing learnt",
                    f"the contrast is {contrast:.3g}, that of chance, ln(batch)",
                    "take another learning rate, a higher temperature, or look whether captions fit their pictures",
                )
            )
        return found

    def fit_sampler(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]:
        """Return nothing: nothing is sampled."""
        return {}

    @classmethod
    def from_model(cls, model: LoadedModel, options: None = None) -> Self:
        """Build the towers that a model folder holds.

        Raises:
            ModelError: its options or tensors do not fit this class.
        """
        try:
            config = cls.Config.model_validate(dict(model.options))
        except ValidationError as error:
            wrong = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
            raise ModelError(f"model {model.name!r} has options that {cls.__name__} cannot take: {wrong}") from error
        files = {name: model.read(name) for name in (TOKENIZER, TEXTS, PICTURES) if name in model.files}
        # Networks start out random, from torch's own generator, which is not ours to move.
        with torch.random.fork_rng(devices=[]):
            joint = cls(config, DataShape(tuple(model.shape), files=files))
        tensors = cls.restored(model.tensors("float32"))
        try:
            for name in cls.inference:
                prefix = f"{name}."
                weights = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
                joint.networks[name].load_state_dict(weights)
                joint.networks[name].eval().requires_grad_(False)
        except RuntimeError as error:
            said = " ".join(str(error).split())
            raise ModelError(f"the weights of model {model.name!r} do not fit its options: {said[:300]}") from error
        return joint

    @classmethod
    def restored(cls, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the tensors of a model folder with the vectors of words as numbers, if they were packed."""
        prefix = "texts."
        others = {key: value for key, value in tensors.items() if not key.startswith(prefix)}
        texts = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        return others | {f"{prefix}{key}": value for key, value in unpacked(texts).items()}

    def embed(self, items: Sequence[str] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return points on the unit sphere, float32 ``(N, dimensions)``.

        Args:
            items: texts, or pictures uint8 ``(N, C, H, W)`` of any size, grey or RGB.

        Raises:
            UsageError: a text is empty, or pictures have other channels.
        """
        with torch.inference_mode():
            if isinstance(items, np.ndarray):
                points = [self._look(items[start : start + CHUNK]) for start in range(0, len(items), CHUNK)]
            else:
                points = [self.texts(torch.tensor([self.tokenizer.encode(text)])) for text in items]
            return torch.cat(points).numpy() if points else np.empty((0, self.config.dimensions), np.float32)

    def _look(self, pixels: NDArray[np.uint8]) -> Tensor:
        if pixels.ndim != 4 or pixels.shape[1] not in (1, 3):
            raise UsageError(f"pictures are grey or RGB, (N, C, H, W), not {pixels.shape}")
        filled = np.concatenate([pixels, np.repeat(pixels[-1:], CHUNK - len(pixels), axis=0)])
        made: Tensor = self.pictures(torch.from_numpy(filled).float() / 255)
        return made[: len(pixels)]


def _tokenizer(files: Mapping[str, bytes]) -> Tokenizer:
    kind = CheckpointTokenizer if TEXTS in files else Tokenizer
    return kind.from_bytes(files[TOKENIZER])


def _picture_tower(config: JointConfig, files: Mapping[str, bytes]) -> nn.Module:
    pretrained = config.begin == "pretrained"
    if PICTURES in files:
        return build_pictures(
            files[PICTURES],
            config.dimensions,
            checkpoint=_place(config.pictures) if pretrained else None,
            fine_tune=config.fine_tune,
            dropout=config.dropout,
        )
    _own("picture", config.pictures, PICTURE_TOWERS, PICTURES)
    tower = PictureTower(config.pictures, config.size, config.dimensions, config.frozen_blocks, config.dropout)
    if config.pictures == "efficientnet-lite0" and pretrained:
        begin_with_imagenet(tower)
    return tower


def _text_tower(config: JointConfig, files: Mapping[str, bytes], tokenizer: Tokenizer) -> nn.Module:
    if TEXTS in files:
        return build_texts(
            files[TEXTS],
            config.dimensions,
            checkpoint=_place(config.texts) if config.begin == "pretrained" else None,
            fine_tune=config.fine_tune,
        )
    _own("text", config.texts, TEXT_TOWERS, TEXTS)
    sizes = (tokenizer.size, config.width, config.dimensions)
    return Bag(*sizes) if config.texts == "bag" else Transformer(*sizes, LONGEST)


def _own(side: str, name: str, towers: Sequence[str], file: str) -> None:
    """Raise ModelError for a checkpoint that nothing is there to build from."""
    if name not in towers:
        raise ModelError(
            f"there is no {side} tower {name!r}, and no {file} that builds one", hint="copy the model again"
        )


def _place(checkpoint: str) -> str:
    """Return a checkpoint's folder, spelt out, or its name."""
    return str(Path(checkpoint).expanduser())
