"""The checkpoint that an adapter belongs to: found by what it is, wherever it lies."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import torch

from aigc_core import ModelError, Permissions
from aigc_transformers.checkpoints import read_json
from aigc_transformers.loading import check_fit, load_tokenizer, read_network
from aigc_transformers.options import Base
from aigc_transformers.places import find_place

#: A folder with checkpoints, or several, as in ``PATH``.
VARIABLE = "AIGC_BASES"


@dataclass(frozen=True, slots=True)
class Found:
    """A base in its folder; satisfies ``Stored``."""

    name: str
    folder: Path
    files: Mapping[str, str]


class Foundation:
    """A base in memory, for everything in this process that trains or samples an adapter of it.

    Attributes:
        found: where it lies.
        network: float32, frozen, and never changed.
    """

    def __init__(self, found: Found) -> None:
        self.found = found
        self.tokenizer: Any = load_tokenizer(found)
        self.network: Any = read_network(found, "AutoModelForCausalLM", torch.float32)
        check_fit(found, self.network, self.tokenizer)


#: Kept only as long as somebody uses them: the copies that the training loop makes of a component share one base.
_IN_MEMORY: WeakValueDictionary[str, Foundation] = WeakValueDictionary()


def foundation(base: Base) -> Foundation:
    """Return a base in memory. Raises ModelError as `find_base`."""
    key = _identity(base)
    there = _IN_MEMORY.get(key)
    if there is None:
        _IN_MEMORY[key] = there = Foundation(find_base(base))
    return there


def find_base(base: Base, *, named: Path | None = None, beside: Path | None = None) -> Found:
    """Return the base in its folder, verified.

    Looked for where it is `named` and nowhere else; without that, where it was when training began, in the folders of
    ``AIGC_BASES``, beside the adapter's folder `beside`, and in the local Hugging Face cache.

    Raises:
        ModelError: it is not there, or what is there under that name is something else.
    """
    differing = ""
    for folder in _places(base, named, beside):
        if not folder.is_dir():
            continue
        different = next((file for file, digest in base.files.items() if _digest(folder / file) != digest), None)
        if different is None:
            return Found(base.name, folder, base.files)
        differing = f"; what is in {folder} is another one: {different} differs"
    raise ModelError(
        f"this is an adapter of the checkpoint {base.name!r}, which is not here{differing}",
        hint="say where it is: --set base=FOLDER; folders that hold checkpoints: AIGC_BASES",
    )


def _places(base: Base, named: Path | None, beside: Path | None) -> Iterator[Path]:
    last = base.name.rpartition("/")[2]
    if named is not None:
        yield named.expanduser()
        return
    if base.folder is not None:
        yield base.folder
    if (known := _IN_MEMORY.get(_identity(base))) is not None:
        yield known.found.folder
    for root in os.environ.get(VARIABLE, "").split(os.pathsep):
        if root:
            yield from (place for place in (Path(root, last), Path(root)) if place.is_dir())
    if beside is not None:
        yield from (place for place in (_remembered(beside), beside.parent / last) if place is not None)
    if (cached := find_place(base.name, Permissions())) is not None:
        yield cached.folder


def _remembered(adapter: Path) -> Path | None:
    """Return where the base lay when the adapter was trained here, as its training left it, or None."""
    run = adapter / "training" / "run.json"
    if not run.is_file():
        return None
    remembered = read_json(run).get("checkpoint")
    return Path(remembered) if isinstance(remembered, str) else None


def _identity(base: Base) -> str:
    return "\n".join(f"{file} {digest}" for file, digest in sorted(base.files.items()))


def _digest(path: Path) -> str | None:
    """Return the sha256 of a file, or None where there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return _digest_of(path.resolve(), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=1024)
def _digest_of(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
