"""What lies in a checkpoint's folder: its kind, its weights, its tokenizer, its licence. Imports no transformers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aigc_core import ModelError, Permissions
from aigc_transformers.places import GGUF, Place, find_place

CONFIG = "config.json"
MODULES = "modules.json"  # of sentence-transformers
SAFE = ("model.safetensors.index.json", "model.safetensors")
PICKLED = ("pytorch_model.bin.index.json", "pytorch_model.bin")
FOREIGN = ("tf_model.h5", "flax_model.msgpack", "model.onnx")
LARGEST = 16 << 20  # bytes of a JSON file that is read

#: Each of these is a tokenizer by itself, or with the files that come after it.
TOKENIZERS = (
    ("tokenizer.json",),
    ("tokenizer.model",),
    ("spiece.model",),
    ("sentencepiece.bpe.model",),
    ("vocab.json", "merges.txt"),
    ("vocab.txt",),
    ("source.spm", "target.spm", "vocab.json"),
    ("tekken.json",),
)
#: Further files that decide what a model makes.
DECIDING = (
    CONFIG,
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    *sorted({file for files in TOKENIZERS for file in files}),
)

#: How model cards spell licences, where that is not how SPDX does.
SPDX = {"apache-2.0": "Apache-2.0", "mit": "MIT", "bsd-3-clause": "BSD-3-Clause", "cc-by-4.0": "CC-BY-4.0"}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder with weights, looked at and not loaded.

    Attributes:
        config: ``config.json``; empty for a GGUF file, which has its own.
        weights: the files that hold them, with their index where there is one.
    """

    place: Place
    config: Mapping[str, Any]
    weights: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return self.place.folder

    @property
    def architecture(self) -> str:
        """The class the weights were saved from, e.g. ``"LlamaForCausalLM"``; empty where nothing says."""
        named = self.config.get("architectures")
        return str(named[0]) if isinstance(named, list) and named else ""

    @property
    def in_gguf(self) -> bool:
        """Whether the weights are a GGUF file."""
        return self.weights[0].endswith(GGUF)

    @property
    def longest(self) -> int | None:
        """How many tokens fit, or None where nothing says."""
        found = (self.config.get(key) for key in ("max_position_embeddings", "n_positions", "n_ctx"))
        return next((value for value in found if isinstance(value, int)), None)

    def files(self, *more: str) -> tuple[str, ...]:
        """Return the names of all files that decide what it makes, `more` among them where they are there."""
        names = [file for file in (*DECIDING, *more) if (self.folder / file).is_file()]
        return (*sorted(names), *self.weights)

    def has_tokenizer(self) -> bool:
        """Say whether there is a tokenizer."""
        return self.in_gguf or any(all((self.folder / file).is_file() for file in files) for files in TOKENIZERS)

    def need_tokenizer(self) -> None:
        """Raise ModelError where there is none."""
        if not self.has_tokenizer():
            raise ModelError(
                f"{self.folder} has no tokenizer: no {', '.join(files[0] for files in TOKENIZERS[:4])} or vocab.json",
                hint=f"save it beside the weights: tokenizer.save_pretrained('{self.folder}')",
            )

    @property
    def licence(self) -> str:
        """What the header of the model card says, or ``"unknown"``."""
        card = self.folder / "README.md"
        header = card.read_text(encoding="utf-8", errors="replace").partition("\n---")[0] if card.is_file() else ""
        found = re.search(r"^license:[ \t]*([\w.+-]+)", header, re.MULTILINE)
        return SPDX.get(found[1].lower(), found[1]) if found and header.startswith("---") else "unknown"


def look(name: str, allowed: Permissions) -> Checkpoint | None:
    """Return the checkpoint that `name` means, or None where it means none.

    Raises:
        ModelError: it is one, and something of it is missing, or it is a pickle and may not be one.
    """
    place = find_place(name, allowed)
    if place is None:
        return None
    if place.gguf:
        return Checkpoint(place, {}, _gguf(place, [place.gguf]))
    configured = (place.folder / CONFIG).is_file()
    if not (configured and any((place.folder / name).is_file() for name in (*SAFE, *PICKLED))):
        if found := sorted(path.name for path in place.folder.glob(f"*{GGUF}")):
            return Checkpoint(place, {}, _gguf(place, found))
        if not configured:
            return None
    return Checkpoint(place, read_json(place.folder / CONFIG), _weights(place, allowed))


@dataclass(frozen=True, slots=True)
class Module:
    """One step from tokens to a vector, as ``modules.json`` names it.

    Attributes:
        kind: e.g. ``"Transformer"``, ``"Pooling"``, ``"Normalize"``.
        place: the folder with its own files, inside that of the checkpoint; empty: that of the checkpoint.
    """

    kind: str
    place: str


def modules_of(folder: Path) -> tuple[Module, ...]:
    """Return the modules of a checkpoint of sentence-transformers; none where it is another one.

    Raises:
        ModelError: ``modules.json`` cannot be understood.
    """
    path = folder / MODULES
    if not path.is_file():
        return ()
    try:
        named = [Module(str(each["type"]).rpartition(".")[2], str(each["path"])) for each in _read(path)]
    except (KeyError, TypeError) as error:
        raise ModelError(f"{path} does not name modules, each with type and path") from error
    for module in named:
        if module.place and Path(module.place).name != module.place:
            raise ModelError(f"{path}: {module.place!r} is not the name of a folder beside it")
    return tuple(named)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        ModelError: the file cannot be read, is too large for what it is, or holds anything else.
    """
    value = _read(path)
    if not isinstance(value, dict):
        raise ModelError(f"{path} is no JSON object, as a checkpoint has it")
    return value


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ModelError(f"{path} is larger than any such file")
        return json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


def _gguf(place: Place, found: list[str]) -> tuple[str, ...]:
    if len(found) > 1:
        raise ModelError(
            f"{place.folder} holds {len(found)} GGUF files", hint=f"name one: -m {place.folder / found[0]}"
        )
    if find_spec("gguf") is None:
        raise ModelError(f"{found[0]} needs the package gguf", hint="pip install 'aigc-core[gguf]'")
    return (found[0],)


def _weights(place: Place, allowed: Permissions) -> tuple[str, ...]:
    for names, pickled in ((SAFE, False), (PICKLED, True)):
        there = next((name for name in names if (place.folder / name).is_file()), None)
        if there is None:
            continue
        if pickled and not allowed.pickle:
            raise ModelError(
                f"the weights of {place.name} are a pickle ({there}), and reading one may run any program",
                hint="if you trust where it is from: --allow-pickle",
            )
        files = (there, *_shards(place.folder / there)) if there.endswith(".index.json") else (there,)
        for file in files:
            _check_whole(place.folder / file)
        return files
    other = next((name for name in FOREIGN if (place.folder / name).is_file()), None)
    says = f"its weights are in {other}, which is for another library" if other else f"no {SAFE[1]}"
    raise ModelError(
        f"{place.folder} has a {CONFIG} and no weights that can be loaded: {says}",
        hint="save them with model.save_pretrained(…), or copy the missing file there",
    )


def _shards(index: Path) -> Iterator[str]:
    named = read_json(index).get("weight_map")
    if not isinstance(named, dict) or not all(isinstance(file, str) for file in named.values()):
        raise ModelError(f"{index} names no files of weights")
    for file in sorted(set(named.values())):
        if Path(file).name != file:
            raise ModelError(f"{index}: {file!r} is not a plain file name")
        yield file


def _check_whole(path: Path) -> None:
    """Raise ModelError for a file that is missing, or stands for one that was not fetched."""
    try:
        with path.open("rb") as stream:
            start = stream.read(64)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", hint="copy the checkpoint again") from error
    if start.startswith(b"version https://git-lfs"):
        raise ModelError(f"{path} only says where the weights are kept", hint="in its folder: git lfs pull")
