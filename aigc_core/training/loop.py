"""The one training loop. It knows no algorithm: networks, phases and losses are the component's.

Everything random depends on the seed and the step alone: data order, noise, and torch's own generator (dropout),
which is seeded anew each step and given back as it was. So one seed gives one set of weights, bit for bit, on one
machine, and a training can go on from any step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from aigc_core.errors import UsageError, unknown
from aigc_core.randomness import Noise, stream_key
from aigc_core.training.average import Average
from aigc_core.training.contract import Batch, Phase, Trainable, Trained
from aigc_core.training.data import DataOrder, Examples, in_order
from aigc_core.training.logs import Logs
from aigc_core.training.options import TrainingOptions

if TYPE_CHECKING:
    from pydantic import BaseModel
    from torch import Tensor
    from torch.nn import Module

#: Told now and then how it goes: steps done, steps in all, and the mean of each log since the last time.
OnStep = Callable[[int, int, Mapping[str, float]], None]


def train(
    component: type[Trainable],
    config: BaseModel,
    data: Examples,
    options: TrainingOptions,
    on_step: OnStep | None = None,
) -> Trained:
    """Train a component from nothing and return the weights that it samples with.

    Args:
        component: class that fulfils the training contract; it is built here, from the seed.
        config: an instance of ``component.Config``.
        data: what is learnt from.
        options: steps, batch, learning rates, seed, …
        on_step: called each ``options.log_every`` steps and after the last one.

    Raises:
        UsageError: the options do not fit the component.
        AigcError: a loss became infinite or not a number.
    """
    with _threads(options.threads), _torch_seeded(options.seed, "start"):
        return Training(component, config, data, options).run(on_step)


@dataclass(slots=True)
class StepContext:
    """What ``loss`` may use in one phase of one step (the contract's ``Context``)."""

    seed: int
    phase: str
    step: int
    batch: int
    networks: Mapping[str, Module]
    state: Any = None

    def _stream(self, name: str) -> Noise:
        # One draw serves the whole global batch: how it is shared out among workers changes nothing.
        return Noise(self.seed, f"train/{self.phase}/{name}/{self.step}")

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Draw standard normal noise ``(B, *shape)``; the same `name` gives the same numbers again."""
        return torch.from_numpy(self._stream(name).normal((self.batch, *shape)))

    def labels(self, name: str, classes: int) -> Tensor:
        """Draw labels ``(B,)`` uniform in ``0 .. classes - 1``; the same `name` gives the same labels again."""
        return torch.from_numpy(self._stream(name).uniform(self.batch)).mul(classes).long()


class Training:
    """One training under way: the component, its optimizers, its averaged weights, and the step it has reached."""

    def __init__(self, component: type[Trainable], config: BaseModel, data: Examples, options: TrainingOptions) -> None:
        self.config = config
        self.data = data
        self.options = options
        self.component = component(config, data.described)
        self.networks = dict(self.component.networks)
        self.step = 0
        self._parameters = {
            name: [parameter for parameter in network.parameters() if parameter.requires_grad]
            for name, network in self.networks.items()
        }
        phases = self.component.phases
        _check_rates(options.lr, [phase.name for phase in phases])
        self._optimizers = {phase.name: self._optimizer(phase) for phase in phases}
        self._states: dict[str, Any] = {}
        # What is trained together is averaged together: a decoder's averaged weights fit its encoder's alone.
        averaged = {
            name for phase in phases if set(phase.networks) & set(self.component.sampling) for name in phase.networks
        }
        self.average = Average({name: self.networks[name] for name in sorted(averaged)}, options.ema_images)
        self._order = DataOrder(len(data), options.seed)
        self._logs = Logs()

    def _optimizer(self, phase: Phase) -> torch.optim.Adam:
        parameters = [parameter for name in phase.networks for parameter in self._parameters[name]]
        return torch.optim.Adam(parameters, lr=self.options.lr_of(phase.name), betas=self.options.betas, fused=True)

    def run(self, on_step: OnStep | None = None) -> Trained:
        """Take all steps that are left, fit the sampler, and return the weights."""
        started = time.perf_counter()
        history: list[Mapping[str, float]] = []
        for network in self.networks.values():
            network.train()
        while self.step < self.options.steps:
            self.take_step()
            if self.step % self.options.log_every == 0 or self.step == self.options.steps:
                logs = self._logs.read()
                history.append({"step": self.step, **logs})
                if on_step is not None:
                    on_step(self.step, self.options.steps, logs)
        tensors = self.finish()
        seconds = time.perf_counter() - started
        return Trained(self.config.model_dump(mode="json"), tensors, self.step, seconds, tuple(history))

    def take_step(self) -> None:
        """Give each phase its turn on the next batch, then average."""
        size = self.options.batch
        batch = self.data.batch(self._order.indices(self.step * size, size))
        torch.default_generator.manual_seed(_torch_seed(self.options.seed, f"step/{self.step}"))
        for phase in self.component.phases:
            if self.step % phase.every == 0:
                self._take_turn(phase, batch)
        self.step += 1
        self.average.update(size, self.step * size)

    def _take_turn(self, phase: Phase, batch: Batch) -> None:
        for name, parameters in self._parameters.items():
            for parameter in parameters:
                parameter.requires_grad_(name in phase.networks)
        optimizer = self._optimizers[phase.name]
        for group in optimizer.param_groups:
            group["lr"] = self.options.lr_of(phase.name) * self.options.lr_factor(self.step)
        state = self._states.get(phase.name)
        context = StepContext(self.options.seed, phase.name, self.step, self.options.batch, self.networks, state)
        loss = self.component.loss(phase.name, batch, context)
        optimizer.zero_grad()
        loss.total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        self._states[phase.name] = _detached(loss.state)
        self._logs.add(self.step, phase.name, loss.total, loss.logs)

    def finish(self) -> dict[str, Tensor]:
        """Put the averaged weights in place, fit the sampler, and return what ``sample`` needs.

        Keys are ``<network>.<parameter>``, and ``sampler.<name>`` for what was fitted.
        """
        for name, averaged in self.average.networks.items():
            self.networks[name].load_state_dict(averaged.state_dict())
        for network in self.networks.values():
            network.eval()
        with torch.no_grad():
            sampler = self.component.fit_sampler(in_order(self.data), self.options.seed)
        tensors = {f"sampler.{name}": tensor for name, tensor in sampler.items()}
        for name in self.component.sampling:
            for key, tensor in self.networks[name].state_dict().items():
                tensors[f"{name}.{key}"] = tensor.detach().clone()
        return tensors


def _check_rates(lr: float | dict[str, float], phases: list[str]) -> None:
    if not isinstance(lr, dict):
        return
    for name in lr:
        if name not in phases:
            raise unknown("phase in lr", name, phases)
    if missing := [phase for phase in phases if phase not in lr]:
        raise UsageError(
            f"lr names no rate for phase {missing[0]!r}", hint="give one for each phase, or one number for all"
        )


def _detached(state: Any) -> Any:
    """Cut a carried state off the graph that made it, through dicts, lists and tuples."""
    if isinstance(state, torch.Tensor):
        return state.detach()
    if isinstance(state, Mapping):
        return {key: _detached(value) for key, value in state.items()}
    if isinstance(state, tuple) and hasattr(state, "_fields"):  # a named tuple takes its values one by one
        return type(state)(*(_detached(value) for value in state))
    if isinstance(state, list | tuple):
        return type(state)(_detached(value) for value in state)
    return state


def _torch_seed(seed: int, name: str) -> int:
    # torch's CPU generator looks at the low 32 bits of a seed only, so those are what a stream is told apart by.
    return stream_key(seed, f"train/torch/{name}") % 2**32


@contextmanager
def _torch_seeded(seed: int, name: str) -> Iterator[None]:
    """Seed torch's own generator for a while, and give it back as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(_torch_seed(seed, name))
        yield


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
