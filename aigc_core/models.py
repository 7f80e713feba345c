"""Model folders: find, verify, load, save.

A model is a folder: ``aigc.json`` (this module's `Manifest`), ``model.safetensors``, ``README.md`` (the card),
``samples.png`` or ``samples.txt``, ``metrics.json``, and what else its component needs, such as a tokenizer. The
sha256 of ``aigc.json`` identifies the model, because ``aigc.json`` holds the sha256 of every other file that decides
what the model makes. Nothing here ever unpickles.

A checkpoint that was made elsewhere has no ``aigc.json``; where a component adopts it, what would stand there is
worked out, and nothing is written beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aigc_core.content import EMPTY, JSON
from aigc_core.errors import AigcError, ModelError, PluginError, UsageError, unknown
from aigc_core.provenance import canonical, store, write_plain
from aigc_core.provenance.schema import MAX_MICRO_BATCH, Name
from aigc_core.registry import Registered, Registry
from aigc_core.specs import Adopted, EmbedderSpec, GeneratorSpec, ModelSpec, Permissions

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from aigc_core.config import Config

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
    shape: tuple[int, ...] = Field(description="of one example: (C, H, W) for pictures, (T,) for texts of T tokens")
    labels: tuple[str, ...] = ()
    vector: int = Field(default=0, ge=0, description="length of the vector it is conditioned by; 0: none")
    prompt: Literal["none", "optional", "required"] = "none"
    precision: Literal["float32", "bfloat16"] = "float32"
    micro_batch: int = Field(default=16, ge=1, le=MAX_MICRO_BATCH, description="every call has exactly so many items")
    licence: str = "unknown"
    files: dict[str, str] = Field(description="sha256 of every file that decides what the model makes")


@dataclass(frozen=True)
class Model:
    """A model folder that was found; its files are verified when they are read.

    Satisfies ``aigc_core.LoadedModel``.

    Attributes:
        sha256: of ``aigc.json``, or of what would stand in it.
        spec: by which a plugin declares it, or None.
        adopted: it has no ``aigc.json``: it was made elsewhere.
    """

    folder: Path
    manifest: Manifest
    sha256: str
    spec: ModelSpec | None = None
    adopted: bool = False

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
    def vector(self) -> int:
        return self.manifest.vector

    @property
    def precision(self) -> str:
        return self.manifest.precision

    @property
    def files(self) -> dict[str, str]:
        """The sha256 of each file that decides what the model makes, ``aigc.json`` included where there is one."""
        return {**({} if self.adopted else {MANIFEST: self.sha256}), **self.manifest.files}

    def read(self, file: str) -> bytes:
        """Return the bytes of one of the model's files, verified.

        Raises:
            ModelError: the file is missing or is not what ``aigc.json`` says.
        """
        try:
            content = (self.folder / file).read_bytes()
        except OSError as error:
            raise self._unreadable(file, error) from error
        self._check(file, hashlib.sha256(content).hexdigest())
        return content

    def verify(self) -> None:
        """Check every file against its hash. Raises ModelError at the first that differs."""
        _check_spec(self)
        for file in self.manifest.files:
            try:
                digest = _sha256(self.folder / file)  # weights may be larger than the memory
            except OSError as error:
                raise self._unreadable(file, error) from error
            self._check(file, digest)

    def _unreadable(self, file: str, error: OSError) -> ModelError:
        return ModelError(f"model {self.name!r}: {file} cannot be read: {error.strerror}", hint=_mend(self))

    def _check(self, file: str, digest: str) -> None:
        if digest != self.manifest.files.get(file):
            named = "it had when it was found" if self.adopted else f"{MANIFEST} names"
            raise ModelError(
                f"model {self.name!r}: {file} does not have the sha256 that {named}; it is truncated or was changed",
                hint=_mend(self),
            )

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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


@lru_cache(maxsize=4096)
def _digest_of(path: Path, size: int, modified: int) -> str:
    """Return the sha256 of a file as it is at `size` and `modified`: gigabytes are hashed once in a process."""
    return _sha256(path)


def adopt(found: Adopted, spec: GeneratorSpec | EmbedderSpec) -> Model:
    """Return a checkpoint from elsewhere as a model of the component `spec`; nothing is written.

    Raises:
        ModelError: a file cannot be read, or its name cannot be a model's.
    """
    digests = {}
    for file in found.files:
        path = found.folder / file
        try:
            facts = path.stat()
            digests[file] = _digest_of(path.resolve(), facts.st_size, facts.st_mtime_ns)
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    try:
        manifest = Manifest.model_validate(
            {
                "name": found.name,
                "component": spec.name,
                "modality": spec.modality,
                "options": {},
                "shape": found.shape,
                "prompt": found.prompt,
                "precision": found.precision,
                "micro_batch": found.micro_batch,
                "licence": found.licence,
                "files": digests,
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(f"{found.folder}: {first['loc'][0]}: {first['msg']}", hint="rename it") from error
    identity = hashlib.sha256(canonical(manifest.model_dump(mode="json"))).hexdigest()
    return Model(found.folder, manifest, identity, adopted=True)


class Models:
    """All models there are: those that plugins declare, the folders in the user's model path, and what is adopted."""

    def __init__(self, registry: Registry, path: Sequence[Path], allowed: Permissions | None = None) -> None:
        self.registry = registry
        self.path = tuple(path)
        self.allowed = allowed or Permissions()

    @classmethod
    def of(cls, registry: Registry, config: Config) -> Models:
        """Return the models there are under a configuration."""
        return cls(registry, config.model_path, Permissions(config.models.download, config.models.allow_pickle))

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
            if (folder / MANIFEST).is_file():
                return open_folder(folder)
            if adopted := self._adopt(name):
                return adopted
            if not folder.is_dir():
                raise UsageError(f"there is no model folder {name}", hint="see: aigc models list")
            raise ModelError(f"{name} is no model folder: it has no {MANIFEST}, and no component takes what is there")
        if entry := self.registry.models.get(name):
            return open_bundled(entry)
        for own, folder in self.own():
            if own == name:
                return open_folder(folder)
        if (Path(name) / MANIFEST).is_file():
            return open_folder(Path(name))
        if adopted := self._adopt(name):
            return adopted
        self.registry.explain_missing("model", name)
        fetch = "; a checkpoint of that name is fetched by --download" if "/" in name and any(self._adopting()) else ""
        raise unknown("model", name, self.names(), listing=f"aigc models list{fetch}")

    def _adopting(self) -> Iterator[Registered[Any]]:
        """Yield the components that take checkpoints that were made elsewhere."""
        entries: list[Registered[Any]] = [*self.registry.generators.values(), *self.registry.embedders.values()]
        yield from (entry for entry in entries if entry.spec.adopts is not None)

    def _adopt(self, name: str) -> Model | None:
        """Ask every component that adopts whether it takes `name`, or a folder of that name in the model path."""
        for place in (name, *(str(root / name) for root in self.path if (root / name).is_dir())):
            for entry in self._adopting():
                look = self.registry.resolve(entry.spec.adopts, entry)
                try:
                    found = look(place, self.allowed)
                except AigcError:
                    raise
                except (Exception, SystemExit) as error:
                    raise PluginError(
                        f"plugin {entry.plugin}: {entry.spec.name!r} cannot say whether it takes {name!r}: "
                        f"{type(error).__name__}: {error}"
                    ) from error
                if found is not None:
                    return adopt(found, entry.spec)
        return None


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
    vector: int = 0,
    files: Mapping[str, bytes] = EMPTY,
    prompt: Literal["none", "optional", "required"] = "none",
    precision: Literal["float32", "bfloat16"] = "float32",
    micro_batch: int = 16,
    licence: str = "unknown",
    card: str,
    samples: Image | str | None = None,
    metrics: Mapping[str, JSON] | None = None,
    save_dtype: str = "float32",
) -> Path:
    """Write a model folder, ``aigc.json`` last, so that a folder that has one is whole.

    Args:
        files: further files that decide what the model makes, or let others load it: name → content.
        card: the model card, Markdown with a YAML header.
        samples: a sheet of pictures the model made, or texts.
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
        {key: (value.to(dtype) if value.is_floating_point() else value).contiguous() for key, value in tensors.items()},
        metadata={"format": "pt"} if files else None,  # transformers asks for it before it loads anything
    )
    manifest = Manifest(
        name=name,
        component=component,
        modality=modality,
        options=dict(options),
        shape=tuple(shape),
        labels=tuple(labels),
        vector=vector,
        prompt=prompt,
        precision=precision,
        micro_batch=micro_batch,
        licence=licence,
        files={name: hashlib.sha256(content).hexdigest() for name, content in {WEIGHTS: weights, **files}.items()},
    )
    for name, content in {WEIGHTS: weights, **files}.items():
        store(folder / name, content)
    store(folder / "README.md", card.encode())
    if metrics is not None:
        store(folder / "metrics.json", _pretty(dict(metrics)))
    if isinstance(samples, str):
        store(folder / "samples.txt", samples.encode())
    elif samples is not None:
        write_plain(samples, folder / "samples.png")
    store(folder / MANIFEST, _pretty(manifest.model_dump(mode="json", exclude=None if vector else {"vector"})))
    return folder


def _pretty(value: Any) -> bytes:
    canonical(value)  # refuses NaN and whatever else is no JSON
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"
