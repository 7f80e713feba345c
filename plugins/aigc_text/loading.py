"""From a model folder to networks: options and weights, checked before they are used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from aigc_core import LoadedModel, ModelError

Config = TypeVar("Config", bound=BaseModel)


def config_of(kind: type[Config], model: LoadedModel) -> Config:
    """Return the options that a model was trained with. Raises ModelError where they are none of `kind`."""
    try:
        return kind.model_validate(dict(model.options))
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
        raise ModelError(f"model {model.name!r} has options that {kind.__name__} cannot take: {wrong}") from error


def fill(networks: Mapping[str, nn.Module], tensors: Mapping[str, Tensor], name: str) -> None:
    """Put the weights of model `name` into its networks, and make these ready for use.

    Args:
        networks: by name.
        tensors: by ``<network>.<parameter>``.

    Raises:
        ModelError: tensors are missing, too many, of another shape or not finite; the message names them.
    """
    weights = {
        f"{network}.{key}": tensor
        for network, module in networks.items()
        for key, tensor in module.state_dict().items()
    }
    if wrong := sorted(_misfits(weights, tensors)):
        raise ModelError(
            f"the weights of model {name!r} do not fit its options and tokenizer: {'; '.join(wrong[:5])}",
            hint="the folder was changed or is from another version; train or install it again",
        )
    for key, tensor in weights.items():
        tensor.copy_(tensors[key])
    for module in networks.values():
        module.eval().requires_grad_(False)


def _misfits(weights: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> Iterator[str]:
    yield from (f"{key} is missing" for key in weights.keys() - tensors.keys())
    yield from (f"{key} is unknown" for key in tensors.keys() - weights.keys())
    for key in weights.keys() & tensors.keys():
        if tensors[key].shape != weights[key].shape:
            yield f"{key} is {tuple(tensors[key].shape)}, not {tuple(weights[key].shape)}"
        elif not tensors[key].isfinite().all():
            yield f"{key} is not finite"
