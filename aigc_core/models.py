"""Model folders: find, verify, load, save.

A model is a folder: ``aigc.json`` (this module's `Manifest`), ``model.safetensors``, ``README.md`` (the card),
``samples.png`` and ``metrics.json``. The sha256 of ``aigc.json`` identifies the model, because ``aigc.json`` holds
the sha256 of every other file that decides what the model makes. Nothing here ever unpickles.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aigc_core.content import JSON
from aigc_core.errors import ModelError, PluginError, UsageError, unknown
from aigc_core.provenance import canonical, store, write_plain
from aigc_core.provenance.schema import MAX_MICRO_BATCH, Name
from aigc_core.registry import Registered, Registry
from aigc_core.specs import ModelSpec

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

MANIFEST = "aigc.json"
WEIGHTS = "model.safetensors"
MANIFEST_LIMIT = 1 << 20  # bytes; a manifest is a page of JSON, anything larger is not one


class Manifest(BaseModel):
    """What ``aigc.json`` says. Unknown keys are errors: a newer format must not be half understood."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    name: Name
    component: str = Field(description="generator or embedder the weights are for, e.g. image/gan")
    modality: str
    options: dict[str, JSON] = Field(description="what the component is built with")
    shape: tuple[int, ...] = Field(description="of one example: (C, H, W) for pictures")
    labels: tuple[str, ...] = ()
    prompt: Literal["none", "optional", "required"] = "none"
    precision: Literal["float32", "bfloat16"] = "float32"
    micro_batch: int = Field(default=16, ge=1, le=MAX_MICRO_BATCH, description="every call has exactly so many items")
    licence: str = "unknown"
    files: dict[str, str] = Field(description="sha256 of every file that decides what the model makes")


@dataclass(frozen=True)
class Model:
    """A model folder that was found; its files are verified when they are read.

    Satisfies ``aigc_core.LoadedModel``.
    """

    folder: Path
    manifest: Manifest
    sha256: str
    spec: ModelSpec | None = None

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def options(self) -> Mapping[str, JSON]:
        return self.manifest.options

    @property
    def shape(self) -> tuple[int, ...]:
        return self.manifest.shape

    @property
    def labels(self) -> tuple[str, ...]:
        return self.manifest.labels

    @property
    def precision(self) -> str:
        return self.manifest.precision

    @property
    def files(self) -> dict[str, str]:
        """The sha256 of each file that decides what the model makes, ``aigc.json`` included."""
        return {MANIFEST: self.sha256, **self.manifest.files}

    def read(self, file: str) -> bytes:
        """Return the bytes of one of the model's files, verified.

        Raises:
            ModelError: the file is missing or is not what ``aigc.json`` says.
        """
        try:
            content = (self.folder / file).read_bytes()
        except OSError as error:
            raise ModelError(
                f"model {self.name!r}: {file} cannot be read: {error.strerror}", hint=_mend(self)
            ) from error
        if hashlib.sha256(content).hexdigest() != self.manifest.files.get(file):
            raise ModelError(
                f"model {self.name!r}: {file} does not have the sha256 that {MANIFEST} names; "
                "it is truncated or was changed",
                hint=_mend(self),
            )
        return content

    def verify(self) -> None:
        """Check every file against its hash. Raises ModelError at the first that differs."""
        _check_spec(self)
        for file in self.manifest.files:
            self.read(file)

    def tensors(self, precision: str | None = None) -> dict[str, Tensor]:
        """Return the verified weights on the CPU, whatever they are stored in.

        Args:
            precision: a floating-point type; default: the pinned one.
        """
        import safetensors
        import torch
        from safetensors.torch import load

        try:
            stored = load(self.read(WEIGHTS))
        except safetensors.SafetensorError as error:
            raise ModelError(f"model {self.name!r}: {WEIGHTS} is not safetensors: {error}") from error
        dtype = getattr(torch, precision or self.precision)
        return {key: value.to(dtype) if value.is_floating_point() else value for key, value in stored.items()}


def _mend(model: Model) -> str:
    return "reinstall aigc-core" if model.spec else f"see: aigc models verify {model.folder}"


def open_folder(folder: Path, spec: ModelSpec | None = None) -> Model:
    """Open the model in `folder`.

    Raises:
        ModelError: there is no ``aigc.json``, or it is not a manifest of this format.
    """
    path = folder / MANIFEST
    try:
        with path.open("rb") as stream:
            content = stream.read(MANIFEST_LIMIT + 1)
    except OSError as error:
        raise ModelError(f"{folder} is no model folder: {MANIFEST}: {error.strerror}") from error
    if len(content) > MANIFEST_LIMIT:
        raise ModelError(f"{path} is larger than any manifest")
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ModelError(f"{path}: {where}: {first['msg']}") from error
    for file in manifest.files:
        if Path(file).name != file:
            raise ModelError(f"{path}: files: {file!r} is not a plain file name")
    return Model(folder, manifest, hashlib.sha256(content).hexdigest(), spec)


def _check_spec(model: Model) -> None:
    if model.spec and model.spec.sha256 != model.sha256:
        raise ModelError(
            f"model {model.name!r}: {MANIFEST} does not have the sha256 that its plugin names; it was changed",
            hint=_mend(model),
        )


def _bundled_folder(entry: Registered[ModelSpec]) -> Path:
    where = entry.spec.where
    if isinstance(where, Path):
        return where
    package, _, relative = where.partition(":")
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise PluginError(f"plugin {entry.plugin}: model {entry.spec.name!r}: no package {package!r}")
    return Path(found.submodule_search_locations[0], relative)


def open_bundled(entry: Registered[ModelSpec]) -> Model:
    """Open a model that a plugin declares, and hold its manifest against the declared sha256."""
    model = open_folder(_bundled_folder(entry), entry.spec)
    _check_spec(model)
    return model


class Models:
    """All models there are: those that plugins declare, and the folders in the user's model path."""

    def __init__(self, registry: Registry, path: Sequence[Path]) -> None:
        self.registry = registry
        self.path = tuple(path)

    def own(self) -> Iterator[tuple[str, Path]]:
        """Yield name and folder of every model in the user's model path; the first of a name wins."""
        seen = set()
        for root in self.path:
            for manifest in sorted(root.glob(f"*/{MANIFEST}")):
                if (name := manifest.parent.name) not in seen:
                    seen.add(name)
                    yield name, manifest.parent

    def names(self) -> list[str]:
        """Return the names of all models, sorted."""
        return sorted({*self.registry.models, *(name for name, _ in self.own())})

    def find(self, name: str) -> Model:
        """Return the model called `name`, or in the folder `name`.

        Raises:
            UsageError: no such name, with the near miss.
            ModelError: the folder is not what its hashes say.
        """
        if _looks_like_path(name):
            folder = Path(name).expanduser()
            if not folder.is_dir():
                raise UsageError(f"there is no model folder {name}", hint="see: aigc models list")
            return open_folder(folder)
        if entry := self.registry.models.get(name):
            return open_bundled(entry)
        for own, folder in self.own():
            if own == name:
                return open_folder(folder)
        if (Path(name) / MANIFEST).is_file():
            return open_folder(Path(name))
        self.registry.explain_missing("model", name)
        raise unknown("model", name, self.names(), listing="aigc models list")


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "~", "/")) or "\\" in name or name.count("/") > 1 or Path(name).is_absolute()


def save_model(
    folder: str | Path,
    *,
    name: str,
    component: str,
    modality: str,
    options: Mapping[str, JSON],
    shape: Sequence[int],
    tensors: Mapping[str, Tensor],
    labels: Sequence[str] = (),
    prompt: Literal["none", "optional", "required"] = "none",
    precision: Literal["float32", "bfloat16"] = "float32",
    micro_batch: int = 16,
    licence: str = "unknown",
    card: str,
    samples: Image | None = None,
    metrics: Mapping[str, JSON] | None = None,
    save_dtype: str = "float32",
) -> Path:
    """Write a model folder, ``aigc.json`` last, so that a folder that has one is whole.

    Args:
        card: the model card, Markdown with a YAML header.
        samples: a sheet of pictures the model made.
        metrics: numbers with their settings.
        save_dtype: what floating-point weights are stored in, ``"float32"`` or ``"float16"``.

    Returns:
        The folder.
    """
    import torch
    from safetensors.torch import save

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    dtype = getattr(torch, save_dtype)
    weights = save(
        {key: (value.to(dtype) if value.is_floating_point() else value).contiguous() for key, value in tensors.items()}
    )
    manifest = Manifest(
        name=name,
        component=component,
        modality=modality,
        options=dict(options),
        shape=tuple(shape),
        labels=tuple(labels),
        prompt=prompt,
        precision=precision,
        micro_batch=micro_batch,
        licence=licence,
        files={WEIGHTS: hashlib.sha256(weights).hexdigest()},
    )
    store(folder / WEIGHTS, weights)
    store(folder / "README.md", card.encode())
    if metrics is not None:
        store(folder / "metrics.json", _pretty(dict(metrics)))
    if samples is not None:
        write_plain(samples, folder / "samples.png")
    store(folder / MANIFEST, _pretty(manifest.model_dump(mode="json")))
    return folder


def _pretty(value: Any) -> bytes:
    canonical(value)  # refuses NaN and whatever else is no JSON
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"
