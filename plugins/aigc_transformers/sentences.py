"""``text/sentence-embedding``: sentences as vectors, by checkpoints of sentence-transformers and other encoders.

The package sentence-transformers is not needed: what it does to the output of an encoder stands in ``modules.json``.
Reimers & Gurevych 2019 (Sentence-BERT, arXiv 1908.10084), section 3, for what pooling is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aigc_core import LoadedModel, ModelError, UsageError
from aigc_transformers.checkpoints import Module, modules_of, read_json
from aigc_transformers.loading import Arithmetic, check_fit, load_network, load_tokenizer
from aigc_transformers.options import SentenceOptions

CHUNK = 64  # texts of one length that are looked at together

#: How ``1_Pooling/config.json`` says which pooling it is.
POOLINGS: Mapping[str, str] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}
ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {"Tanh": nn.Tanh, "Identity": nn.Identity}


@dataclass(frozen=True, slots=True)
class Head:
    """What is done with the vectors of tokens: pooled, passed through layers, brought to length 1."""

    pooling: str
    layers: tuple[nn.Module, ...]
    normalise: bool

    def __call__(self, states: Tensor) -> Tensor:
        """Return one vector a text ``(B, D)`` from those of its tokens ``(B, T, H)``, none of which is padding."""
        vectors = _pooled(states, self.pooling)
        for layer in self.layers:
            vectors = layer(vectors)
        return nn.functional.normalize(vectors, dim=1) if self.normalise else vectors


def _pooled(states: Tensor, pooling: str) -> Tensor:
    if pooling == "cls":
        return states[:, 0]
    if pooling == "last":
        return states[:, -1]
    return states.mean(dim=1) if pooling == "mean" else states.amax(dim=1)


class SentenceEmbedder:
    """An encoder of texts.

    Args:
        model: the checkpoint.
        options: how tokens become a vector, where that should be another way than the checkpoint has it.
    """

    def __init__(self, model: LoadedModel, options: SentenceOptions) -> None:
        self._tokenizer = load_tokenizer(model)
        self._network = load_network(model, "AutoModel", Arithmetic(options.precision))
        check_fit(model, self._network, self._tokenizer)
        if self._network.config.is_encoder_decoder:
            self._network = self._network.get_encoder()
        self._head = _head(model, options)
        self._longest = _longest(model, self._network)
        self._lower = bool(_sentence_config(model.folder).get("do_lower_case"))
        self._prefix = _prefix(model.folder) if options.prefix is None else options.prefix

    @torch.inference_mode()
    def embed(self, items: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 ``(N, D)`` of texts; what a text has more than the encoder reads is left out.

        Texts of one length are looked at together, so none of them is padded, and a vector depends on its text alone
        but for the last bits, in which batches of several sizes differ.

        Raises:
            UsageError: a text holds half a character.
        """
        tokens = self._tokens(items)
        order = sorted(range(len(tokens)), key=lambda place: len(tokens[place]))
        vectors: dict[int, Tensor] = {}
        for places in _chunks(order, [len(each) for each in tokens]):
            ids = torch.tensor([tokens[place] for place in places])
            states = self._network(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
            vectors.update(zip(places, self._head(states.float()), strict=True))
        return torch.stack([vectors[place] for place in range(len(tokens))]).numpy()

    def _tokens(self, items: Sequence[str]) -> list[list[int]]:
        texts = [self._prefix + (text.lower() if self._lower else text) for text in items]
        try:
            "".join(texts).encode()
        except UnicodeEncodeError as error:
            raise UsageError("a text has half a character in it", hint="write it again, as UTF-8") from error
        cut = {"truncation": True, "max_length": self._longest} if self._longest else {}
        found: list[list[int]] = self._tokenizer(texts, **cut).input_ids
        # Without special tokens an empty text has none at all; what ends a text stands for it.
        return [tokens or [self._tokenizer.eos_token_id or 0] for tokens in found]


def _chunks(order: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    """Return places, at most so many of one length together."""
    chunks: list[list[int]] = []
    for place in order:
        if not chunks or lengths[chunks[-1][0]] != lengths[place] or len(chunks[-1]) == CHUNK:
            chunks.append([])
        chunks[-1].append(place)
    return chunks


def _head(model: LoadedModel, options: SentenceOptions) -> Head:
    modules = modules_of(model.folder)
    pooling, normalise = "mean", False
    layers: list[nn.Module] = []
    for module in modules:
        if module.kind == "Pooling":
            pooling = _pooling(model, module)
        elif module.kind == "Dense":
            layers.append(_dense(model, module))
        elif module.kind == "Normalize":
            normalise = True
        elif module.kind != "Transformer":
            raise ModelError(
                f"{model.name} has a module {module.kind!r}, which is not known here",
                hint="known are Transformer, Pooling, Dense and Normalize",
            )
    return Head(
        options.pooling or pooling,
        tuple(layers),
        normalise if options.normalise is None else options.normalise,
    )


def _pooling(model: LoadedModel, module: Module) -> str:
    config = read_json(model.folder / module.place / "config.json")
    wanted = [key for key, value in config.items() if key.startswith("pooling_mode_") and value]
    if isinstance(named := config.get("pooling_mode"), str):  # as newer releases of sentence-transformers write it
        wanted = [next((key for key, mode in POOLINGS.items() if mode == named.removesuffix("token")), named)]
    if len(wanted) != 1 or wanted[0] not in POOLINGS:
        raise ModelError(
            f"{model.name} pools its tokens by {', '.join(wanted) or 'nothing'}, which is not known here",
            hint="set another one: 'FOLDER pooling=mean'",
        )
    return POOLINGS[wanted[0]]


def _dense(model: LoadedModel, module: Module) -> nn.Module:
    """Return a linear layer with its activation, as sentence-transformers stores it."""
    from safetensors.torch import load

    config = read_json(model.folder / module.place / "config.json")
    activation = str(config.get("activation_function", "Identity")).rpartition(".")[2]
    weights = f"{module.place}/model.safetensors"
    if activation not in ACTIVATIONS or weights not in model.files:
        raise ModelError(
            f"the layer {module.place} of {model.name} cannot be loaded",
            hint=f"it has to have model.safetensors, and one of {', '.join(ACTIVATIONS)} as its activation",
        )
    tensors = {key.removeprefix("linear."): value for key, value in load(model.read(weights)).items()}
    layer = nn.Linear(tensors["weight"].shape[1], tensors["weight"].shape[0], bias="bias" in tensors)
    layer.load_state_dict({key: value.float() for key, value in tensors.items()})
    return nn.Sequential(layer, ACTIVATIONS[activation]()).requires_grad_(False)


def _sentence_config(folder: Path) -> dict[str, Any]:
    path = folder / "sentence_bert_config.json"
    return read_json(path) if path.is_file() else {}


def _longest(model: LoadedModel, network: Any) -> int | None:
    """Return how many tokens of a text are read: as the checkpoint says, and no more than it has places for."""
    places = getattr(network.config, "max_position_embeddings", None)
    if places and network.config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        places -= network.config.pad_token_id + 1  # their first place is number pad + 1
    said = _sentence_config(model.folder).get("max_seq_length")
    return min((number for number in (said, places) if number), default=None)


def _prefix(folder: Path) -> str:
    """Return the words that a checkpoint puts before every text, where it says so."""
    path = folder / "config_sentence_transformers.json"
    config = read_json(path) if path.is_file() else {}
    return str((config.get("prompts") or {}).get(config.get("default_prompt_name")) or "")
