"""Numbers in a model folder: ``metrics.json`` has them under ``evaluation``, beside what training left there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aigc_core.errors import FileError
from aigc_core.evaluation.records import Evaluation, Measurement
from aigc_core.provenance import store

FILE = "metrics.json"
LIMIT = 16 << 20  # bytes; such a file has a few pages of numbers


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        FileError: the file cannot be read, is too large, or is not a JSON object.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(LIMIT + 1)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    try:
        value = json.loads(content) if len(content) <= LIMIT else None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise FileError(f"{path} holds no numbers that aigc wrote")
    return value


def named_embedder(folder: Path) -> str | None:
    """Return the embedder that a model folder says it is to be looked at through, or None."""
    if not (folder / FILE).is_file():
        return None
    named = read_json(folder / FILE).get("embedder")
    return named if isinstance(named, str) else None


def stored_measurements(folder: Path) -> list[Measurement]:
    """Return the numbers that a model folder holds. Raises FileError where they cannot be understood."""
    path = folder / FILE
    if not path.is_file():
        return []
    return _measurements(read_json(path).get("evaluation", []), path)


def read_evaluation(path: Path) -> Evaluation:
    """Return what ``aigc evaluate --out FILE`` wrote. Raises FileError where it is something else."""
    try:
        return Evaluation.model_validate(read_json(path))
    except ValidationError as error:
        raise FileError(f"{path}: {_first(error)}", hint="give what aigc evaluate --out wrote") from error


def write_evaluation(evaluation: Evaluation, path: Path) -> Path:
    """Write an evaluation as JSON, whole or not at all. Raises FileError where it cannot be written."""
    return store(path, _pretty(evaluation.model_dump(mode="json")))


def store_evaluation(folder: Path, evaluation: Evaluation) -> Path:
    """Put the numbers into a model folder: they replace those made with the same settings, and those of other weights.

    Raises:
        FileError: ``metrics.json`` cannot be understood or written.
    """
    path = folder / FILE
    content = read_json(path) if path.is_file() else {}
    new = {_key(measurement): measurement for measurement in evaluation.measurements}
    kept = [
        measurement
        for measurement in _measurements(content.get("evaluation", []), path)
        if measurement.model.sha256 == evaluation.model.sha256 and _key(measurement) not in new
    ]
    content["evaluation"] = [measurement.model_dump(mode="json") for measurement in [*kept, *new.values()]]
    return store(path, _pretty(content))


def _key(measurement: Measurement) -> str:
    return json.dumps([measurement.name, measurement.model.options, measurement.settings()], sort_keys=True)


def _measurements(value: Any, path: Path) -> list[Measurement]:
    try:
        return [Measurement.model_validate(each) for each in value]
    except (ValidationError, TypeError) as error:
        said = _first(error) if isinstance(error, ValidationError) else str(error)
        raise FileError(f"{path}: evaluation: {said}", hint="take it out of the file, and evaluate again") from error


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _pretty(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"
