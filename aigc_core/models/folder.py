"""One model folder: opening it, verifying its files, reading its weights, writing it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from aigc_core.content import EMPTY, JSON
from aigc_core.errors import ModelError
from aigc_core.models.manifest import Manifest, Required
from aigc_core.provenance import canonical, store, write_plain
from aigc_core.specs import ModelSpec

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

MANIFEST = "aigc.json"
WEIGHTS = "model.safetensors"
MANIFEST_LIMIT = 1 << 20  # bytes; a manifest is a page of JSON, anything larger is not one


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
    def required(self) -> Required | None:
        """The embedder that makes the vectors it is conditioned by, or None."""
        return self.manifest.requires.get("vector")

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
        check_spec(self)
        for file in self.manifest.files:
            try:
                digest = sha256_of(self.folder / file)  # weights may be larger than the memory
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


def sha256_of(path: Path) -> str:
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


def check_spec(model: Model) -> None:
    if model.spec and model.spec.sha256 != model.sha256:
        raise ModelError(
            f"model {model.name!r}: {MANIFEST} does not have the sha256 that its plugin names; it was changed",
            hint=_mend(model),
        )


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
    required: Required | None = None,
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
        vector: length of the vector that it is conditioned by; 0: none.
        required: the embedder that makes that vector.
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
        requires={"vector": required} if required else {},
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
    store(
        folder / MANIFEST,
        _pretty(manifest.model_dump(mode="json", exclude=set() if vector else {"vector", "requires"})),
    )
    return folder


def _pretty(value: Any) -> bytes:
    canonical(value)  # refuses NaN and whatever else is no JSON
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"
