"""From a checkpoint's folder to a network and a tokenizer that fit each other, or an error that says what is wrong.

Nothing is fetched, no code of the checkpoint's own is run, and no tensor is made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from aigc_core import AigcError, ModelError, UsageError
from aigc_transformers.checkpoints import CONFIG, read_json
from aigc_transformers.places import GGUF
from aigc_transformers.quantise import quantised


class Stored(Protocol):
    """A checkpoint in a folder: a ``LoadedModel``, or the base of an adapter."""

    @property
    def name(self) -> str: ...

    @property
    def folder(self) -> Path: ...

    @property
    def files(self) -> Mapping[str, str]: ...


class HasArithmetic(Protocol):
    """Options that say with what arithmetic a network runs."""

    @property
    def precision(self) -> str | None: ...

    @property
    def quantise(self) -> str: ...

    @property
    def device(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """With what arithmetic a network runs, and where."""

    precision: str = "float32"
    quantise: str = "none"
    device: str = "cpu"

    @classmethod
    def of(cls, options: HasArithmetic) -> Arithmetic:
        """Return what `options` ask for."""
        usual = "float32" if options.quantise == "none" else "bfloat16"
        return cls(options.precision or usual, options.quantise, options.device)

    @property
    def dtype(self) -> torch.dtype | str:
        """The type that weights are read in; what is quantised is read as it is stored."""
        if self.quantise != "none":
            return "auto"
        return torch.bfloat16 if self.precision == "bfloat16" else torch.float32

    def check(self) -> None:
        """Raise UsageError where this machine has no such device."""
        there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if not there[self.device]:
            raise UsageError(f"this machine, or this torch, has no {self.device}", hint="leave device out")


def load_network(model: Stored, kind: str, arithmetic: Arithmetic) -> Any:
    """Return the network of a checkpoint, ready to be used.

    Args:
        kind: the class of transformers that opens it, e.g. ``"AutoModelForCausalLM"``.

    Raises:
        ModelError: it needs code of its own, tensors are missing or too many, or transformers cannot load it.
        UsageError: this machine has no such device.
    """
    arithmetic.check()
    return settled(read_network(model, kind, arithmetic.dtype), arithmetic)


def read_network(model: Stored, kind: str, dtype: torch.dtype | str) -> Any:
    """Return the network of a checkpoint as it is stored, on the CPU. Raises ModelError as `load_network`."""
    import transformers

    _refuse_own_code(model)
    with _explaining(model), quiet():
        network, told = getattr(transformers, kind).from_pretrained(
            model.folder, dtype=dtype, output_loading_info=True, use_safetensors=not _pickled(model), **_where(model)
        )
    _check_tensors(model, network, told)
    return network.eval().requires_grad_(False)


def settled(network: Any, arithmetic: Arithmetic) -> Any:
    """Return a network where it runs, with the arithmetic it runs with."""
    return quantised(network) if arithmetic.quantise == "int8" else network.to(arithmetic.device)


def load_tokenizer(model: Stored) -> Any:
    """Return the tokenizer of a checkpoint. Raises ModelError where transformers cannot load it."""
    from transformers import AutoTokenizer

    with _explaining(model, "tokenizer"), quiet():
        return AutoTokenizer.from_pretrained(model.folder, **_where(model))


def load_pictures(model: Stored) -> Any:
    """Return what brings pictures into the form that a checkpoint takes, by Pillow and numpy.

    Raises:
        ModelError: the checkpoint does not say how, or transformers cannot load it.
    """
    from transformers import AutoImageProcessor

    if "preprocessor_config.json" not in model.files and "processor_config.json" not in model.files:
        raise ModelError(
            f"{model.name} does not say how pictures are prepared: no preprocessor_config.json",
            hint="save it beside the weights: processor.save_pretrained(…)",
        )
    with _explaining(model, "image processor"), quiet():
        return AutoImageProcessor.from_pretrained(model.folder, backend="pil", **_where(model))


def check_fit(model: Stored, network: Any, tokenizer: Any) -> None:
    """Raise ModelError where the tokenizer makes tokens that the network has no row for."""
    rows, tokens = network.get_input_embeddings().weight.shape[0], len(tokenizer)
    if tokens > rows:
        raise ModelError(
            f"the tokenizer of {model.name} does not fit its weights: it makes {tokens:,} tokens, "
            f"and the embeddings have {rows:,} rows",
            hint="put the tokenizer there that it was trained with",
        )


def _where(model: Stored) -> dict[str, Any]:
    """Return what every call of from_pretrained is told: stay here, and run no code that came with the weights."""
    gguf = next((file for file in model.files if file.endswith(GGUF)), None)
    return {"local_files_only": True, "trust_remote_code": False, **({"gguf_file": gguf} if gguf else {})}


def _pickled(model: Stored) -> bool:
    return not any(file.endswith((".safetensors", GGUF)) for file in model.files)


def _refuse_own_code(model: Stored) -> None:
    """Raise ModelError for a checkpoint whose network is a program beside it."""
    from transformers import CONFIG_MAPPING

    if CONFIG not in model.files:
        return
    config = read_json(model.folder / CONFIG)
    if "auto_map" in config and config.get("model_type") not in CONFIG_MAPPING:
        raise ModelError(
            f"{model.name} needs Python code that came with it (auto_map in {CONFIG}), and such code is never run",
            hint="look for a checkpoint of it in transformers' own format, or try: pip install -U transformers",
        )


def _check_tensors(model: Stored, network: Any, told: Mapping[str, Any]) -> None:
    own = type(network).__name__ in (network.config.architectures or [type(network).__name__])
    missing = sorted(told["missing_keys"])
    # A head that this class does not have is left aside; what belongs to nothing is an error.
    extra = sorted(told["unexpected_keys"]) if own else []
    if not own:
        missing = [key for key in missing if not key.startswith("pooler.")]
    for what, keys in (("lacks", missing), ("has too many, such as", extra)):
        if keys:
            shown = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
            raise ModelError(
                f"the weights of {model.name} do not fit its {CONFIG}: of the tensors, it {what} {shown}",
                hint="copy the checkpoint again, or put the config.json there that belongs to it",
            )


@contextmanager
def _explaining(model: Stored, what: str = "network") -> Iterator[None]:
    """Turn whatever transformers raises into one line that names the checkpoint."""
    try:
        yield
    except AigcError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        said = f"{said[:300]}…" if len(said) > 300 else said
        hint = "pip install what it names" if isinstance(error, ImportError) else "copy the checkpoint again"
        if "does not recognize this architecture" in said:
            hint = "it is of a kind that this transformers does not know: pip install -U transformers"
        raise ModelError(f"the {what} of {model.name} cannot be loaded: {said}", hint=hint) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from talking: what matters is told as an error, or not at all."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
