"""The one training loop. It knows no algorithm: networks, phases and losses are the component's.

Everything random depends on the seed and the step alone: data order, noise, and torch's own generator (dropout),
which is seeded anew each step and given back as it was. So one seed gives one set of weights, bit for bit, on one
machine, and a training can go on from any step.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._pytree import tree_map_only

from aigc_core.errors import UsageError, unknown
from aigc_core.randomness import Noise, stream_key
from aigc_core.training.contract import Batch, Context, Examples, Loss, Phase, Trainable, Trained
from aigc_core.training.loop.augment import augment
from aigc_core.training.loop.average import Average
from aigc_core.training.loop.checkpoint import Checkpoint, pack, unpack
from aigc_core.training.loop.data import in_order, order_of
from aigc_core.training.loop.devices import workers
from aigc_core.training.loop.logs import Logs
from aigc_core.training.options import TrainingOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel
    from torch import Tensor
    from torch.nn import Module, Parameter

    from aigc_core.content import JSON

LossFunction = Callable[[str, Batch, Context], Loss]

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
    return Training(component, config, data, options).run(on_step)


@dataclass(slots=True)
class StepContext:
    """What ``loss`` may use in one phase of one step (the contract's ``Context``).

    One draw serves the whole global batch, and `rows` of it are these examples'. So how a batch is shared out among
    processes, and in how many parts it is taken, changes no example's noise.
    """

    seed: int
    phase: str
    step: int
    batch: int
    networks: Mapping[str, Module]
    rows: slice | None = None
    device: torch.device | None = None
    state: Any = None
    shared: Mapping[str, Tensor] = field(default_factory=dict)

    def _stream(self, name: str) -> Noise:
        return Noise(self.seed, f"train/{self.phase}/{name}/{self.step}")

    def _mine(self, numbers: Any) -> Tensor:
        return torch.from_numpy(numbers[self.rows] if self.rows else numbers).to(self.device)

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Draw standard normal noise ``(B, *shape)``; the same `name` gives the same numbers again."""
        return self._mine(self._stream(name).normal((self.batch, *shape)))

    def uniform(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Draw noise uniform in [0, 1), ``(B, *shape)``; the same `name` gives the same numbers again."""
        return self._mine(self._stream(name).uniform((self.batch, *shape)))

    def labels(self, name: str, classes: int) -> Tensor:
        """Draw labels ``(B,)`` uniform in ``0 .. classes - 1``; the same `name` gives the same labels again."""
        drawn: Tensor = self.uniform(name, ())
        return drawn.mul(classes).long()


class _CompiledContext(StepContext):
    """The same for a loss that is compiled: the compiler does not look into the streams, which are numpy's.

    A class of its own, because asking costs 40 µs a draw, compiled or not.
    """

    __slots__ = ()

    normal = torch.compiler.disable(StepContext.normal)  # type: ignore[no-untyped-call]
    uniform = torch.compiler.disable(StepContext.uniform)  # type: ignore[no-untyped-call]


@dataclass(slots=True)
class _Part:
    """Examples that are taken at once, their rows in the whole batch, and what the phases of a step share of them."""

    rows: slice
    batch: Batch
    shared: dict[str, Tensor]


class Training:
    """One training under way: the component, its optimizers, its averaged weights, and the step it has reached."""

    def __init__(self, component: type[Trainable], config: BaseModel, data: Examples, options: TrainingOptions) -> None:
        self.config = config
        self.data = data
        self.options = options
        self.workers = workers(options)
        self.step = 0
        self.states: dict[str, list[Any]] = {}  # of each phase what the parts of a batch carry on, each its own
        self.logs = Logs()
        self._held: tuple[frozenset[str], int] = (frozenset(), 0)
        self._order = order_of(data, options.seed, options.batch)
        with self._alone("start"):
            self.component = component(config, data.described)
            self.networks = {name: self.workers.place(network) for name, network in self.component.networks.items()}
            for network in self.networks.values():
                network.train()
            self._loss = compiled(self.component.loss) if options.compile else self.component.loss
            self._context = _CompiledContext if options.compile else StepContext
            self.prepare()

    def prepare(self) -> None:
        """Make optimizers and averages for the networks as they are now; what has no gradient stays as it is."""
        self._parameters = {
            name: [parameter for parameter in network.parameters() if parameter.requires_grad]
            for name, network in self.networks.items()
        }
        phases = self.component.phases
        _check_rates(self.options.lr, [phase.name for phase in phases])
        self._learning = {
            phase.name: [parameter for name in phase.networks for parameter in self._parameters[name]]
            for phase in phases
        }
        self.optimizers = {phase.name: self._optimizer(phase) for phase in phases}
        # What is trained together is averaged together: a decoder's averaged weights fit its encoder's alone.
        averaged = {
            name for phase in phases if set(phase.networks) & set(self.component.inference) for name in phase.networks
        }
        self.average = Average({name: self.networks[name] for name in sorted(averaged)}, self.options.ema_images)

    def _optimizer(self, phase: Phase) -> torch.optim.Adam:
        parameters, rate, decay = self._learning[phase.name], self.options.lr_of(phase.name), self.options.weight_decay
        # A decay of zero is Adam, and costs a sixth less.
        kind = functools.partial(torch.optim.AdamW, weight_decay=decay) if decay else torch.optim.Adam
        return kind(parameters, lr=rate, betas=self.options.betas, fused=True)

    def hold(self, networks: Iterable[str], steps: int) -> None:
        """Leave out the turns of phases that move these networks alone, up to step `steps`."""
        self._held = (frozenset(networks), steps)

    def _takes_turn(self, phase: Phase) -> bool:
        networks, until = self._held
        return self.step % phase.every == 0 and not (self.step < until and networks.issuperset(phase.networks))

    def run(self, on_step: OnStep | None = None) -> Trained:
        """Take all steps that are left, fit the sampler, and return the weights."""
        started = time.perf_counter()
        history: list[Mapping[str, float]] = []
        while self.step < self.options.steps:
            logs = self.advance()
            history.append({"step": self.step, **logs})
            if on_step is not None:
                on_step(self.step, self.options.steps, logs)
        tensors = self.finish()
        seconds = time.perf_counter() - started
        return Trained(self.config.model_dump(mode="json"), tensors, self.step, seconds, tuple(history))

    def advance(self, stop: Callable[[], bool] = bool) -> Mapping[str, float]:
        """Take steps up to the next row of the log, and return the row.

        Args:
            stop: asked after each step; when it says so, no more are taken, and an empty row is returned.
        """
        until = min(self.options.steps, (self.step // self.options.log_every + 1) * self.options.log_every)
        with self._alone():
            while self.step < until:
                self.take_step()
                if stop():
                    return {}
        return self.logs.read(self.workers)

    @contextmanager
    def _alone(self, name: str = "") -> Iterator[None]:
        """Give torch's threads and its own generator back as they were; `name` seeds the latter."""
        threads = torch.get_num_threads()
        with torch.random.fork_rng(devices=[]):
            if name:
                torch.default_generator.manual_seed(_torch_seed(self.options.seed, name))
            torch.set_num_threads(self.options.threads or threads)
            try:
                yield
            finally:
                torch.set_num_threads(threads)

    def take_step(self) -> None:
        """Give each phase its turn on the next batch, then average."""
        size = self.options.batch
        parts = self._parts(self._order.indices(self.step * size, size))
        torch.default_generator.manual_seed(_torch_seed(self.options.seed, f"step/{self.step}"))
        for phase in self.component.phases:
            if self._takes_turn(phase):
                self._take_turn(phase, parts)
        self.step += 1
        self.average.update(size, self.step * size)

    def step_alone(self) -> None:
        """Take one step, outside of ``advance``."""
        with self._alone():
            self.take_step()

    def _parts(self, indices: NDArray[np.int64]) -> list[_Part]:
        """Return this process's share of a batch, in the parts it is taken in, each with its rows of the whole."""
        mine = self.workers.share(len(indices))
        size = (mine.stop - mine.start) // self.options.accumulate
        rows = [slice(start, start + size) for start in range(mine.start, mine.stop, size)]
        return [_Part(part, self._load(self.data.batch(indices[part]), part), {}) for part in rows]

    def _load(self, batch: Batch, rows: slice) -> Batch:
        data = augment(batch.data, self.options, self.step, rows) if batch.data.ndim == 4 else batch.data
        return replace(batch, data=data).each(self.workers.load)

    def _take_turn(self, phase: Phase, parts: Sequence[_Part]) -> None:
        if len(self.component.phases) > 1:
            for name, parameters in self._parameters.items():
                for parameter in parameters:
                    parameter.requires_grad_(name in phase.networks)
        optimizer = self.optimizers[phase.name]
        for group in optimizer.param_groups:
            group["lr"] = self.options.lr_of(phase.name) * self.options.lr_factor(self.step)
        optimizer.zero_grad()
        states = self.states.get(phase.name) or [None] * len(parts)
        for place, part in enumerate(parts):
            context = self._context(
                self.options.seed,
                phase.name,
                self.step,
                self.options.batch,
                self.networks,
                part.rows,
                self.workers.device,
                states[place],
                part.shared,
            )
            with self.workers.arithmetic():
                loss = self._loss(phase.name, part.batch, context)
            (loss.total / len(parts) if len(parts) > 1 else loss.total).backward()  # type: ignore[no-untyped-call]
            # What is carried on is cut off the graph that made it. Walking through nothing costs 80 µs, too.
            states[place] = loss.state
            if loss.state is not None:
                states[place] = tree_map_only(torch.Tensor, torch.Tensor.detach, loss.state)
            part.shared.update({name: tensor.detach() for name, tensor in loss.shared.items()})
            self.logs.add(self.step, phase.name, loss.total, loss.logs)
        self.workers.average_gradients(self._learning[phase.name])
        if self.options.clip:
            torch.nn.utils.clip_grad_norm_(self._learning[phase.name], self.options.clip)
        optimizer.step()
        self.states[phase.name] = states

    def save(self, **facts: JSON) -> Checkpoint:
        """Return this training as it is now, with `facts` beside it.

        Nothing random need be kept: order, noise and torch's own generator depend on seed and step alone.
        """
        tensors: dict[str, Tensor] = {}
        for kind, networks in (("network", self.networks), ("average", self.average.networks)):
            for name, network in networks.items():
                tensors |= {f"{kind}/{name}/{key}": tensor for key, tensor in network.state_dict().items()}
        for phase, parameter, place in self._moments():
            for key, moment in self.optimizers[phase].state[parameter].items():
                tensors[f"optimizer/{phase}/{place}/{key}"] = moment
        states = {phase: pack(state, tensors, f"state/{phase}") for phase, state in self.states.items()}
        # Copies: steps that follow change the tensors where they lie.
        copies = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors.items()}
        return Checkpoint(self.step, {**facts, "states": states, "logs": self.logs.save()}, copies)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Become the training that was saved; it must have been made with the same component, options and data."""
        tensors = checkpoint.tensors
        for kind, networks in (("network", self.networks), ("average", self.average.networks)):
            for name, network in networks.items():
                prefix = f"{kind}/{name}/"
                network.load_state_dict(
                    {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
                )
        for phase, parameter, place in self._moments():
            prefix = f"optimizer/{phase}/{place}/"
            found = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
            # Moments have their parameter's device and memory format, or the fused kernel takes them for others.
            self.optimizers[phase].state[parameter] = {
                key: torch.empty_like(parameter).copy_(value) if value.ndim else value.to(parameter.device)
                for key, value in found.items()
            }
        facts: Any = checkpoint.facts
        self.states = {phase: unpack(state, tensors, self.workers) for phase, state in facts["states"].items()}
        self.logs.restore(facts["logs"])
        self.step = checkpoint.step

    def _moments(self) -> Iterator[tuple[str, Parameter, int]]:
        for phase, parameters in self._learning.items():
            for place, parameter in enumerate(parameters):
                yield phase, parameter, place

    def finish(self) -> dict[str, Tensor]:
        """Put the averaged weights in place, fit the sampler, and return the weights of the inference networks.

        Keys are ``<network>.<parameter>``, and ``sampler.<name>`` for what was fitted.
        """
        for name, averaged in self.average.networks.items():
            self.networks[name].load_state_dict(averaged.state_dict())
        for network in self.networks.values():
            self.workers.take_back(network).eval()
        with self._alone("sampler"), torch.no_grad():
            sampler = self.component.fit_sampler(in_order(self.data), self.options.seed)
        tensors = {f"sampler.{name}": tensor for name, tensor in sampler.items()}
        for name in self.component.inference:
            for key, tensor in self.networks[name].state_dict().items():
                tensors[f"{name}.{key}"] = tensor.detach().clone()
        return tensors


def compiled(loss: LossFunction) -> LossFunction:
    """Return `loss` compiled, with all the networks that it calls.

    Raises:
        UsageError: there is no compiler.
    """
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise UsageError("there is no C++ compiler", hint="install g++, or leave compile out") from error
    return torch.compile(loss, dynamic=False)


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


def _torch_seed(seed: int, name: str) -> int:
    # torch's CPU generator looks at the low 32 bits of a seed only, so those are what a stream is told apart by.
    return stream_key(seed, f"train/torch/{name}") % 2**32
