"""Towers that are checkpoints of transformers: any model of theirs that reads tokens, or looks at pictures.

Its last vectors, of tokens or of places in a picture, are averaged, and one layer leads from there into the space. The
model folder holds the whole tower: its weights, what builds it, and its tokenizer. So a checkpoint is looked for where
a training begins, and never again. Nothing is fetched, no code of a checkpoint's own is run, and no pickle is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from aigc_core import AigcError, ModelError, UsageError
from aigc_crossmodal.joint_options import PICTURE_TOWERS, TEXT_TOWERS
from aigc_crossmodal.tokens import CheckpointTokenizer
from aigc_crossmodal.towers.pictures import fitted
from aigc_crossmodal.towers.texts import mean_of

#: Files of a model folder that say how a tower is built: for texts the checkpoint's ``config.json``; for pictures that,
#: and how they are prepared.
TEXTS, PICTURES = "texts.json", "pictures.json"
#: Tokens that are read of a text, where the checkpoint reads as many.
LONGEST = 128
#: What transformers is always told: stay here, and run no code that came with the weights.
HERE: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}
#: Of a config, what says where it was, who wrote it, and what programs should be run with it: nothing of the network.
INCIDENTAL = (
    *("_name_or_path", "transformers_version", "auto_map"),
    *("attn_implementation", "_attn_implementation", "_attn_implementation_internal"),
)


class CheckpointTower(nn.Module):
    """A part of a checkpoint, and the layer that leads from the mean of its vectors into the space.

    Args:
        part: of the checkpoint: what reads, or what looks.
        features: numbers of each of its vectors.
        dimensions: of the space.
        fine_tune: whether it learns, too; else the layer does alone.
        dropout: share of the features that are left out while it learns.
    """

    def __init__(
        self, part: nn.Module, features: int, dimensions: int, *, fine_tune: bool, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.part, self._learns = part.requires_grad_(fine_tune), fine_tune
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(features, dimensions)

    def train(self, mode: bool = True) -> CheckpointTower:
        """Turn to training; what does not learn leaves nothing out by chance either."""
        super().train(mode)
        self.part.train(mode and self._learns)
        return self

    def into_space(self, features: Tensor) -> Tensor:
        """Return points on the unit sphere, ``(B, dimensions)``."""
        return normalize(self.head(self.dropout(features)).float(), dim=1)

    def states(self, **inputs: Tensor) -> Tensor:
        """Return the checkpoint's last vectors."""
        with torch.set_grad_enabled(self._learns and torch.is_grad_enabled()):
            states: Tensor = self.part(**inputs).last_hidden_state
            return states


class CheckpointTexts(CheckpointTower):
    """Tokens ``(B, T)`` of a ``CheckpointTokenizer``, padded with 0, to points on the unit sphere."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Return ``(B, dimensions)``."""
        said = tokens != 0
        states = self.states(input_ids=(tokens - 1).clamp_min(0), attention_mask=said.long())  # (B, T, W)
        return self.into_space(mean_of(states, said))


class CheckpointPictures(CheckpointTower):
    """Pictures ``(B, C, H, W)`` in [0, 1], of any size, to points on the unit sphere.

    Args:
        prepared: ``height`` and ``width`` that pictures are brought to, and for each channel the ``mean`` that is
            taken off and the ``spread`` that the rest is divided by.
    """

    def __init__(self, *tower: Any, prepared: Mapping[str, Any], **settings: Any) -> None:
        super().__init__(*tower, **settings)
        self._sides = prepared["height"], prepared["width"]
        for name in ("mean", "spread"):
            self.register_buffer(name, torch.tensor(prepared[name]).view(1, 3, 1, 1), persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return ``(B, dimensions)``."""
        x = fitted(pictures, *self._sides).expand(-1, 3, -1, -1)
        states = self.states(pixel_values=(x - self.mean) / self.spread)  # (B, places, W), or (B, W, h, w)
        return self.into_space(states.mean(dim=(2, 3)) if states.ndim == 4 else states.mean(dim=1))


def describe_texts(name: str) -> tuple[bytes, CheckpointTokenizer]:
    """Return what builds the text tower of a checkpoint, and its tokenizer.

    Args:
        name: its folder, or its name in the local cache.

    Raises:
        UsageError: there is none of that name.
        ModelError: it is broken, or reads no texts.
    """
    with _explaining(name, TEXT_TOWERS, "reads no texts that are known here"):
        from transformers import AutoConfig, AutoTokenizer

        config = AutoConfig.from_pretrained(name, **HERE)
        tokenizer = AutoTokenizer.from_pretrained(name, **HERE)
        if (engine := getattr(tokenizer, "backend_tokenizer", None)) is None:
            raise ModelError(
                f"the checkpoint {name} has no tokenizer.json", hint="save it: tokenizer.save_pretrained(…)"
            )
        of_texts = config.get_text_config()
        if len(tokenizer) > of_texts.vocab_size:
            raise ModelError(
                f"the tokenizer of the checkpoint {name} does not fit its weights: it makes {len(tokenizer):,} tokens, "
                f"and they know {of_texts.vocab_size:,}",
                hint="put the tokenizer there that it was trained with",
            )
        longest = min(LONGEST, tokenizer.model_max_length, getattr(of_texts, "max_position_embeddings", LONGEST))
        return json.dumps(_described(config)).encode(), CheckpointTokenizer.of(engine, longest)


def describe_pictures(name: str) -> bytes:
    """Return what builds the picture tower of a checkpoint. Arguments and errors as of `describe_texts`."""
    with _explaining(name, PICTURE_TOWERS, "looks at no pictures that are known here"):
        from transformers import AutoConfig, AutoImageProcessor

        config = AutoConfig.from_pretrained(name, **HERE)
        processor = AutoImageProcessor.from_pretrained(name, backend="pil", **HERE)
        sides = (processor.do_center_crop and processor.crop_size) or processor.size
        square = sides.get("shortest_edge")
        prepared = {
            "height": sides.get("height", square),
            "width": sides.get("width", square),
            "mean": list(processor.image_mean if processor.do_normalize else (0.0, 0.0, 0.0)),
            "spread": list(processor.image_std if processor.do_normalize else (1.0, 1.0, 1.0)),
        }
        return json.dumps({"config": _described(config), "prepared": prepared}).encode()


def build_texts(described: bytes, dimensions: int, *, checkpoint: str | None, fine_tune: bool) -> CheckpointTexts:
    """Build a text tower.

    Args:
        described: as `describe_texts` has it.
        checkpoint: that it begins with, or None: at random.
        fine_tune: whether the checkpoint learns, too.

    Raises:
        ModelError: the weights of the checkpoint are missing or do not fit.
    """
    part = _part(json.loads(described), "text", checkpoint)
    features = _features(part, input_ids=torch.zeros(1, 2, dtype=torch.long), attention_mask=torch.ones(1, 2).long())
    return CheckpointTexts(part, features[-1], dimensions, fine_tune=fine_tune)


def build_pictures(
    described: bytes, dimensions: int, *, checkpoint: str | None, fine_tune: bool, dropout: float
) -> CheckpointPictures:
    """Build a picture tower that leaves out `dropout` of its features. Arguments and errors as of `build_texts`."""
    told = json.loads(described)
    part, prepared = _part(told["config"], "vision", checkpoint), told["prepared"]
    shape = _features(part, pixel_values=torch.zeros(1, 3, prepared["height"], prepared["width"]))
    width = shape[1] if len(shape) == 4 else shape[-1]
    return CheckpointPictures(part, width, dimensions, prepared=prepared, fine_tune=fine_tune, dropout=dropout)


def _part(config: Mapping[str, Any], side: str, checkpoint: str | None) -> Any:
    """Return that part of a model which reads or looks: all of it, a side of two, or an encoder."""
    with _explaining(checkpoint or "in this model folder", (), "cannot be built"):
        from transformers import AutoConfig, AutoModel

        if checkpoint is not None:
            network = _learnt(checkpoint)
        else:
            kept = AutoConfig.for_model(**_kept(config))
            network = AutoModel.from_config(kept, dtype=torch.float32, trust_remote_code=False)
        if (one := getattr(network, f"{side}_model", None)) is not None:
            return one
        return network.get_encoder() if network.config.is_encoder_decoder else network


def _learnt(checkpoint: str) -> Any:
    """Return a model with all of its weights, in float32."""
    from transformers import AutoModel

    network, told = AutoModel.from_pretrained(
        checkpoint, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **HERE
    )
    # The layer that pools for a task of the checkpoint's own is often left out, and not asked here.
    if missing := sorted(key for key in told["missing_keys"] if "pooler" not in key):
        raise ModelError(
            f"the weights of the checkpoint {checkpoint} do not fit its config.json: they lack {missing[0]}",
            hint="copy the checkpoint again",
        )
    return network


@torch.no_grad()
def _features(part: Any, **inputs: Tensor) -> torch.Size:
    """Return the shape of what a part makes of one example."""
    with _explaining(type(part).__name__, (), "gives no vectors of tokens, or of places in a picture"):
        shape: torch.Size = part.eval()(**inputs).last_hidden_state.shape
        return shape


def _described(config: Any) -> dict[str, Any]:
    return _kept(json.loads(config.to_json_string()))


def _kept(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in INCIDENTAL}


@contextmanager
def _explaining(name: str, towers: tuple[str, ...], lacks: str) -> Iterator[None]:
    """Turn whatever transformers raises into one line that names the checkpoint."""
    if towers and not _is_here(name):
        raise UsageError(
            f"there is no tower {name!r}, and no checkpoint of that name here",
            hint=f"take {', '.join(towers)}, or the folder of a checkpoint, or its name in the local cache",
        )
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # what matters is told as an error, or not at all
    logging.disable_progress_bar()
    try:
        yield
    except AigcError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        raise ModelError(
            f"the checkpoint {name} {lacks}: {said[:300]}", hint="take another one, or copy this one again"
        ) from error
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _is_here(name: str) -> bool:
    if Path(name).is_dir():
        return True
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        return False
