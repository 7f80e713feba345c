"""Checkpoints: all that a training needs to go on as if nothing had happened.

A checkpoint is a folder ``step-0001000``: ``checkpoint.json`` (facts, and the sha256 of the rest) and one
``process-<index>.safetensors`` for each process. It is written under a hidden name, flushed to the disk, and renamed;
so an interrupted write is never taken for one. The last two are kept. Nothing is pickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.errors import FileError
from aigc_core.provenance.atomic import refusal

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_core.content import JSON
    from aigc_core.training.loop.devices import Workers

FACTS = "checkpoint.json"
KEPT = 2


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training as it was after `step` steps.

    Attributes:
        step: steps done.
        facts: JSON values.
        tensors: what this process had, on the CPU.
    """

    step: int
    facts: Mapping[str, JSON]
    tensors: Mapping[str, Tensor]


class Checkpoints:
    """The checkpoints of one training.

    Args:
        folder: where they lie; made when the first is written.
        workers: the processes that train together; each writes and reads its own tensors.
    """

    def __init__(self, folder: Path, workers: Workers) -> None:
        self.folder = folder
        self._workers = workers
        self._first = workers.index == 0

    @classmethod
    def read_from(cls, folder: Path) -> Checkpoint | None:
        """Return what the first process of a training kept last in `folder`, or None where nothing can be read."""
        from torch import device

        from aigc_core.training.loop.devices import Workers

        found = cls(folder, Workers(device("cpu")))
        for each in found._found():
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                return found._read(each)
        return None

    def write(self, checkpoint: Checkpoint) -> Path:
        """Write a checkpoint, whole or not at all, and drop all but the last two.

        Raises:
            FileError: it cannot be written; those before it are as they were.
        """
        from safetensors.torch import save

        final = self.folder / f"step-{checkpoint.step:07}"
        hidden = self.folder / f".{final.name}.tmp"
        with self._all_or_nothing(hidden):
            if self._first:
                self.folder.mkdir(parents=True, exist_ok=True)
                shutil.rmtree(hidden, ignore_errors=True)
                hidden.mkdir()
            self._workers.wait()
            _write(hidden / _file(self._workers.index), save(dict(checkpoint.tensors)))
            self._workers.wait()
            if self._first:
                files = {path.name: _sha256(path) for path in sorted(hidden.glob("process-*.safetensors"))}
                document = {"format": 1, "step": checkpoint.step, "facts": checkpoint.facts, "files": files}
                _write(hidden / FACTS, json.dumps(document, ensure_ascii=False, indent=1).encode())
                _flush_folder(hidden)
                shutil.rmtree(final, ignore_errors=True)
                hidden.rename(final)
                _flush_folder(self.folder)
                for old in self._found()[KEPT:]:
                    shutil.rmtree(old, ignore_errors=True)
            self._workers.wait()
        return final

    @contextmanager
    def _all_or_nothing(self, hidden: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if self._first:
                shutil.rmtree(hidden, ignore_errors=True)
            raise refusal(error, hidden) from error

    def latest(self) -> Checkpoint | None:
        """Return the newest checkpoint that is whole, or None where there is none.

        One whose files are not what it says of them is passed over: a disk may lose what was flushed, too.

        Raises:
            FileError: checkpoints are there, and none can be read.
        """
        found = self._found()
        complaints = []
        for folder in found:
            try:
                return self._read(folder)
            except (OSError, ValueError, KeyError, TypeError) as error:
                complaints.append(f"{folder.name}: {error}")
        if found:
            raise FileError(
                f"no checkpoint in {self.folder} can be read: {'; '.join(complaints)}",
                hint="start again without --resume",
            )
        return None

    def _found(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"), reverse=True)

    def _read(self, folder: Path) -> Checkpoint:
        from safetensors.torch import load

        document = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        if document["format"] != 1:
            raise ValueError(f"it has the format {document['format']}, and only 1 is known here")
        if len(document["files"]) != self._workers.count:
            raise ValueError(f"{len(document['files'])} processes wrote it, and {self._workers.count} read it")
        file = _file(self._workers.index)
        content = (folder / file).read_bytes()
        if hashlib.sha256(content).hexdigest() != document["files"][file]:
            raise ValueError(f"{file} is not what {FACTS} says")
        return Checkpoint(document["step"], document["facts"], load(content))


def _file(index: int) -> str:
    return f"process-{index}.safetensors"


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open folders, and orders their entries itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack(value: Any, tensors: dict[str, Tensor], name: str) -> JSON:
    """Return `value` (tensors in dicts, lists and tuples, and JSON values) as JSON; its tensors go into `tensors`."""
    from torch import Tensor

    if isinstance(value, Tensor):
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": {key: pack(each, tensors, f"{name}/{key}") for key, each in value.items()}}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [pack(each, tensors, f"{name}/{index}") for index, each in enumerate(value)]}
    return {"value": value}


def unpack(packed: Any, tensors: Mapping[str, Tensor], place: Workers) -> Any:
    """Return what ``pack`` was given, its tensors where the training runs."""
    ((kind, content),) = packed.items()
    if kind == "tensor":
        return tensors[content].to(place.device)
    if kind == "dict":
        return {key: unpack(each, tensors, place) for key, each in content.items()}
    if kind == "value":
        return content
    parts = [unpack(each, tensors, place) for each in content]
    return parts if kind == "list" else tuple(parts)
