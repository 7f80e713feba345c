"""Checkpoints that were made elsewhere and have no ``aigc.json``: what would stand there is worked out.

Nothing is written beside them.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from aigc_core.errors import ModelError
from aigc_core.models.folder import Model, sha256_of
from aigc_core.models.manifest import Manifest
from aigc_core.provenance import canonical
from aigc_core.specs import Adopted, EmbedderSpec, GeneratorSpec


@lru_cache(maxsize=4096)
def _digest_of(path: Path, size: int, modified: int) -> str:
    """Return the sha256 of a file as it is at `size` and `modified`: gigabytes are hashed once in a process."""
    return sha256_of(path)


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
