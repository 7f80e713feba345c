"""The numbers a training leaves behind. They stay on the device until somebody reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from aigc_core.errors import AigcError

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_core.content import JSON
    from aigc_core.training.loop.devices import Workers


class Logs:
    """Keeps the logs of each step until they are read.

    Reading a number off an accelerator waits for all that was asked of it; so that is done in ``read`` alone.
    """

    def __init__(self) -> None:
        self._values: dict[str, list[Tensor]] = {}
        self._steps: dict[str, list[int]] = {}

    def add(self, step: int, phase: str, total: Tensor, logs: Mapping[str, Tensor]) -> None:
        """Take in the loss and the logs of one phase; names are joined as ``phase/name``."""
        for name, value in (("loss", total), *logs.items()):
            self._values.setdefault(f"{phase}/{name}", []).append(value.detach())
        self._steps.setdefault(phase, []).append(step)

    def read(self, workers: Workers) -> dict[str, float]:
        """Return the mean of each log since the last reading, over all `workers`, and start again.

        Raises:
            AigcError: a loss was infinite or not a number.
        """
        numbers = {key: torch.stack(values).float() for key, values in self._values.items()}
        for phase, steps in self._steps.items():
            broken = ~torch.isfinite(numbers[f"{phase}/loss"])
            if broken.any():
                raise AigcError(
                    f"the loss of phase {phase!r} was not finite at step {steps[int(broken.int().argmax())]}",
                    hint="try a smaller learning rate (lr), a longer warmup, or look for broken data",
                )
        means: dict[str, float] = {}
        if numbers:
            together = workers.mean(torch.stack([values.mean() for values in numbers.values()]))
            means = dict(zip(numbers, together.tolist(), strict=True))
        self._values.clear()
        self._steps.clear()
        return means

    def save(self) -> dict[str, JSON]:
        """Return what is not read yet, exactly: a float32 is a JSON number."""
        return {
            "values": {key: torch.stack(values).tolist() for key, values in self._values.items()},
            "steps": {phase: list(steps) for phase, steps in self._steps.items()},
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from what ``save`` returned."""
        self._values = {key: list(torch.tensor(values)) for key, values in saved["values"].items()}
        self._steps = {phase: list(steps) for phase, steps in saved["steps"].items()}
