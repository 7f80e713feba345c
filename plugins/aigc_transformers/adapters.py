"""Low-rank adapters (Hu et al. 2021, arXiv 2106.09685): a frozen network, and small changes to its linear layers.

``peft`` puts them in. What the training loop sees of it is the changes alone: they are what is learnt, averaged,
kept in checkpoints and stored in the model; the frozen weights are shared by all copies.
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from aigc_core import ModelError, UsageError
from aigc_transformers.options import AdapterConfig

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"  # as peft names them


class Adapter(nn.Module):
    """A network with an adapter, whose parameters are the adapter's alone.

    Args:
        model: what ``peft`` made.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return logits ``(B, T, V)`` of what follows each of `tokens` ``(B, T)``."""
        logits: Tensor = self.model(input_ids=tokens, attention_mask=mask, use_cache=False).logits
        return logits

    def _own(self) -> dict[str, nn.Parameter]:
        """Return the adapter's parameters, under the names that peft stores them by."""
        return {
            name.replace(".default.", ".").removeprefix("model."): parameter
            for name, parameter in super().named_parameters()
            if ".lora_" in name
        }

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield the adapter's parameters."""
        for name, parameter in self._own().items():
            yield f"{prefix}.{name}" if prefix else name, parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield nothing: buffers are the frozen network's."""
        yield from ()

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return the adapter's weights."""
        return {name: parameter.detach() for name, parameter in self._own().items()}

    @torch.no_grad()
    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take the adapter's weights.

        Raises:
            ModelError: some are missing, too many, or of another shape.
        """
        own = self._own()
        fitting = [name for name, value in state_dict.items() if name in own and own[name].shape == value.shape]
        if len(fitting) != len(own) or len(own) != len(state_dict):
            odd = sorted((own.keys() ^ state_dict.keys()) or (own.keys() - set(fitting)))
            raise ModelError(f"the weights of the adapter do not fit its base: {odd[0]}", hint="copy the model again")
        for name, parameter in own.items():
            parameter.copy_(state_dict[name])

    def __deepcopy__(self, memo: dict[int, Any]) -> Adapter:
        """Return a copy with an adapter of its own on the same frozen weights."""
        own = {id(parameter) for parameter in self._own().values()}
        memo.update({id(each): each for each in _tensors(self.model) if id(each) not in own})
        again = Adapter(copy.deepcopy(self.model, memo))
        again.training = self.training
        return again


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    yield from module.buffers()


def adapted(network: nn.Module, config: AdapterConfig) -> Adapter:
    """Return `network` with a new adapter, which changes nothing yet; the network itself stays as it is.

    Raises:
        UsageError: peft is not installed, or there is no such layer.
    """
    if find_spec("peft") is None:
        raise UsageError("adapters need the package peft", hint="pip install 'aigc-core[finetune]'")
    from peft import LoraConfig, get_peft_model

    shared = copy.deepcopy(network, {id(each): each for each in _tensors(network)})
    settings = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=list(config.targets) or "all-linear",
        task_type="CAUSAL_LM",
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of layers that lie the other way round, which peft then sets right itself
            return Adapter(get_peft_model(shared, settings))
    except ValueError as error:
        said = " ".join(str(error).split())[:200]
        raise UsageError(
            f"nothing to adapt in {', '.join(config.targets)}: {said}", hint="leave targets out"
        ) from error


def merged(adapter: Adapter) -> Any:
    """Return the network with the adapter's changes added to its weights; whoever shares those is left alone."""
    for module in adapter.model.modules():
        if hasattr(module, "base_layer"):
            module.base_layer.weight = nn.Parameter(module.base_layer.weight.detach().clone(), requires_grad=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return adapter.model.merge_and_unload().eval().requires_grad_(False)


def for_peft(adapter: Adapter, base: str) -> dict[str, bytes]:
    """Return the files by which ``PeftModel.from_pretrained(network, folder)`` loads the adapter."""
    from safetensors.torch import save

    settings = adapter.model.peft_config["default"].to_dict()
    settings |= {"base_model_name_or_path": base, "inference_mode": True}
    plain = {key: sorted(value) if isinstance(value, set) else value for key, value in settings.items()}
    tensors = {name: value.contiguous().cpu() for name, value in adapter.state_dict().items()}
    return {
        CONFIG: json.dumps(plain, indent=2, sort_keys=True, default=str).encode() + b"\n",
        WEIGHTS: save(tensors, metadata={"format": "pt"}),
    }
