"""Where a training runs: which device, with which arithmetic, and beside how many other processes.

accelerate finds the device, joins the processes that ``torchrun`` started (gloo on CPU, NCCL on GPU) and reduces across
them. Networks are not wrapped: the loop reduces each phase's gradients once, after the backward pass, so that losses
with several forward passes or a second backward pass (adversarial ones) need nothing special.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from aigc_core.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from aigc_core.training.options import TrainingOptions


@dataclass(frozen=True, slots=True)
class Workers:
    """This process among all that train together.

    Attributes:
        device: where networks and batches lie.
        precision: ``"float32"`` or ``"bfloat16"``: of the arithmetic under autocast; weights are always float32.
        index: which of the processes this is; 0 writes files and talks.
        count: how many there are.
    """

    device: torch.device
    precision: str = "float32"
    index: int = 0
    count: int = 1

    def share(self, count: int) -> slice:
        """Return which of `count` things are this process's."""
        each = count // self.count
        return slice(self.index * each, (self.index + 1) * each)

    @contextmanager
    def arithmetic(self) -> Iterator[None]:
        """Compute in the precision that was asked for."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bfloat16"):
            yield

    def place(self, network: Module) -> Module:
        """Put a network where it is trained. With bfloat16, pictures go channels last, as its kernels want them."""
        if self.precision == "bfloat16":
            return network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
        return network.to(self.device)

    def take_back(self, network: Module) -> Module:
        """Put a network back on the CPU, in the memory format it was built in."""
        return network.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload, no-any-return]

    def load(self, data: Tensor) -> Tensor:
        """Put a batch beside the networks, in their memory format."""
        if self.precision == "bfloat16" and data.ndim == 4 and data.shape[1] > 1:  # one channel is last as it is
            return data.to(self.device, memory_format=torch.channels_last, non_blocking=True)
        return data.to(self.device, non_blocking=True)

    def average_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Make the gradients of all processes their mean, in one exchange."""
        if self.count == 1:
            return
        from accelerate.utils import reduce

        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = reduce(torch.cat([gradient.flatten() for gradient in gradients]), reduction="mean")
        for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def mean(self, numbers: Tensor) -> Tensor:
        """Return the mean of all processes' `numbers`."""
        if self.count == 1:
            return numbers
        from accelerate.utils import reduce

        mean: Tensor = reduce(numbers, reduction="mean")
        return mean

    def agree(self, number: float) -> float:
        """Return the `number` of the first process to all."""
        if self.count == 1:
            return number
        from accelerate.utils import broadcast

        return float(broadcast(torch.tensor(number, dtype=torch.float64, device=self.device)))

    def clock(self) -> float:
        """Return the seconds of the first process's clock, when this device has done what was asked of it."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return self.agree(time.perf_counter())

    def any(self, wanted: bool) -> bool:
        """Say whether any process wants something."""
        return bool(self.mean(torch.tensor(float(wanted), device=self.device)) > 0)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.count > 1:
            torch.distributed.barrier()


def workers(options: TrainingOptions) -> Workers:
    """Find the device that `options` ask for, and the processes beside this one.

    Raises:
        UsageError: there is no such device, or the batch cannot be shared out among the processes.
    """
    from accelerate import PartialState

    on_gpu = options.device != "cpu" and torch.cuda.is_available()
    if "WORLD_SIZE" in os.environ:
        # accelerate warns where torchrun has not said how many threads each process may have; torchrun always says.
        os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))
    state = PartialState(cpu=not on_gpu)
    device = _device(options.device, state.device)
    share = options.batch / state.num_processes / options.accumulate
    if share != int(share) or not share:
        raise UsageError(
            f"a batch of {options.batch} cannot be shared by {state.num_processes} processes in "
            f"{options.accumulate} parts each",
            hint="set a batch that both divide",
        )
    return Workers(device, _precision(options.precision, device), state.process_index, state.num_processes)


def _device(wanted: str, found: torch.device) -> torch.device:
    if wanted == "auto":
        # Metal has no float64 and other kernels; it is used where it is asked for.
        return torch.device("cpu") if found.type == "mps" else found
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[wanted]:
        raise UsageError(f"this machine, or this torch, has no {wanted}", hint="leave device out, or set device=cpu")
    return found if found.type == wanted else torch.device(wanted)


def _precision(wanted: str, device: torch.device) -> str:
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    # Emulated bfloat16 is slower than float32: only these instructions make it pay on a CPU.
    capable = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if capable else "float32"
