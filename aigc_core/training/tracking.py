"""Where a training's log goes: ``metrics.jsonl`` always, TensorBoard if asked, and whoever watches the event."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aigc_core.errors import FileError, UsageError
from aigc_core.provenance import store
from aigc_core.provenance.atomic import refusal

if TYPE_CHECKING:
    from aigc_core.content import JSON

METRICS = "metrics.jsonl"
ALARMS = "alarms.jsonl"


class Tracker(Protocol):
    """Takes in the rows of a training's log."""

    def log(self, row: Mapping[str, Any]) -> None:
        """Take in one row: ``step``, ``seconds``, ``examples_per_second``, ``lr`` and ``logs``."""

    def close(self) -> None:
        """Finish; no row follows."""


class Lines:
    """A file of JSON objects, one a line, each with its ``step``.

    Args:
        path: of the file.
        step: rows after it are taken out: they are of steps that a resumed training takes again.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        kept = [row for row in read_lines(path) if row["step"] <= step]
        store(path, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in kept).encode())

    def log(self, row: Mapping[str, Any]) -> None:
        """Append a row, at once; what is no finite number becomes null, as JSON has none."""
        line = json.dumps(_finite(row), ensure_ascii=False)
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise refusal(error, self.path) from error

    def close(self) -> None:
        """Do nothing: every row is written already."""


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of such a file; the last one may be half written, and is left out then."""
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            yield json.loads(line)
        except ValueError as error:
            if number < len(lines):
                raise FileError(f"{path}, line {number} is no JSON: {error}", hint="remove that line") from error


def _finite(value: Any) -> JSON:
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class TensorBoard:
    """Event files for TensorBoard, in the folder ``tensorboard`` of the run.

    Raises:
        UsageError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path, step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UsageError(
                "--log tensorboard needs the package tensorboard", hint="pip install 'aigc-core[tensorboard]'"
            ) from error
        self._writer = SummaryWriter(folder / "tensorboard", purge_step=step + 1)

    def log(self, row: Mapping[str, Any]) -> None:
        """Write every number of the row as a scalar of its own."""
        numbers = {"examples_per_second": row["examples_per_second"], "lr": row["lr"], **row["logs"]}
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, row["step"])
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()


#: Trackers that can be asked for besides ``metrics.jsonl``, by name: called with the run folder and the step reached.
TRACKERS: Mapping[str, Callable[[Path, int], Tracker]] = {"tensorboard": TensorBoard}
