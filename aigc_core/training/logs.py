"""The numbers a training leaves behind. They stay on the device until somebody reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from aigc_core.errors import AigcError

if TYPE_CHECKING:
    from torch import Tensor


class Logs:
    """Sums logs step by step, and remembers the first step at which a loss was not finite.

    Reading a number off an accelerator waits for all that was asked of it; so that is done in ``read`` alone.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._broken: dict[str, Tensor] = {}

    @torch.no_grad()
    def add(self, step: int, phase: str, total: Tensor, logs: dict[str, Tensor]) -> None:
        """Take in the loss and the logs of one phase; names are joined as ``phase/name``."""
        for name, value in {"loss": total, **logs}.items():
            key = f"{phase}/{name}"
            self._sums[key] = self._sums.get(key, 0) + value.detach().float()
            self._counts[key] = self._counts.get(key, 0) + 1
        first = self._broken.get(phase, torch.full((), -1, dtype=torch.int64, device=total.device))
        self._broken[phase] = torch.where((first < 0) & ~torch.isfinite(total), step, first)

    def read(self) -> dict[str, float]:
        """Return the mean of each log since the last reading, and start again.

        Raises:
            AigcError: a loss was infinite or not a number.
        """
        for phase, first in self._broken.items():
            if (step := int(first)) >= 0:
                raise AigcError(
                    f"the loss of phase {phase!r} was not finite at step {step}",
                    hint="try a smaller learning rate (lr), a longer warmup, or look for broken data",
                )
        means = {key: float(total) / self._counts[key] for key, total in self._sums.items()}
        self._sums.clear()
        self._counts.clear()
        return means
