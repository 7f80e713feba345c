"""What a training left behind in its folder, read again: whatever of it is there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Of a model's folder: where its training is kept.
RUN_FOLDER = "training"

#: Read as JSON, a file of this size takes a second; logs of a million steps are smaller.
MAX_JSON = 200_000_000


@dataclass(frozen=True, slots=True)
class Trace:
    """What a training left behind, as far as it is there and can be read.

    Attributes:
        folder: the run folder.
        run: ``run.json``: what was asked, and how it ended.
        rows: ``metrics.jsonl``, one for each step, the newest where a step was taken again after a crash.
        alarms: ``alarms.jsonl``, likewise.
        survey: ``survey.json``.
        metrics: ``metrics.json`` of the model.
    """

    folder: Path
    run: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    alarms: Sequence[Mapping[str, Any]]
    survey: Mapping[str, Any]
    metrics: Mapping[str, Any]


def read_trace(model_folder: Path) -> Trace:
    """Read what there is. Missing files are as if empty, and so are lines that a crash cut short."""
    folder = model_folder / RUN_FOLDER
    rows = {row["step"]: row for row in _lines(folder / "metrics.jsonl") if isinstance(row.get("step"), int)}
    alarms = {(row.get("step"), row.get("name")): row for row in _lines(folder / "alarms.jsonl")}
    return Trace(
        folder,
        _object(folder / "run.json"),
        [rows[step] for step in sorted(rows)],
        list(alarms.values()),
        _object(folder / "survey.json"),
        _object(model_folder / "metrics.json"),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.stat().st_size <= MAX_JSON else ""
    except OSError:
        return ""


def _object(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(_text(path))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    for line in _text(path).splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue  # the last line before a crash
        if isinstance(found, dict):
            yield found
