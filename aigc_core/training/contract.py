"""The training contract: what a trainable component supplies, and what the one training loop hands it.

Phases and losses are the component's; optimizers, averaging, data order, noise and logging are the loop's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from aigc_core.content import empty

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel
    from torch import Tensor
    from torch.nn import Module

    from aigc_core.content import JSON
    from aigc_core.data import CaptionedPictures, TextData
    from aigc_core.randomness import Noise


@dataclass(frozen=True, slots=True)
class Phase:
    """One optimizer's turn in a step.

    Attributes:
        name: handed back to ``loss``, e.g. ``"discriminator"``.
        networks: names of the networks whose parameters it updates; no others receive gradients.
        every: it takes its turn each so many steps.
    """

    name: str
    networks: tuple[str, ...]
    every: int = 1


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples as the loop gives them to ``loss``.

    Attributes:
        data: pictures ``(B, C, H, W)``, float32 in [0, 1]; or tokens of texts ``(B, T)``, int64, padded.
        condition: labels ``(B,)`` int64, or vectors ``(B, D)`` float32, or None.
        source: tokens of the texts that `data` was made of ``(B, S)``, int64, padded, or None.
        captions: tokens of the texts that go with pictures ``(B, S)``, int64, padded, or None.
    """

    data: Tensor
    condition: Tensor | None = None
    source: Tensor | None = None
    captions: Tensor | None = None

    def each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """Return the batch with every tensor changed alike: moved, say."""
        others = (self.condition, self.source, self.captions)
        return Batch(change(self.data), *(None if tensor is None else change(tensor) for tensor in others))


@dataclass(slots=True)
class Loss:
    """What a phase minimises.

    Attributes:
        total: scalar with gradient.
        logs: detached scalars for the log; the loop moves them off the device seldom, so never call ``.item()``.
        state: carried to the next step as ``context.state``, detached by the loop.
        shared: handed to the phases that follow in this step as ``context.shared``, detached by the loop.
    """

    total: Tensor
    logs: dict[str, Tensor] = field(default_factory=dict)
    state: Any = None
    shared: dict[str, Tensor] = field(default_factory=dict)


class Context(Protocol):
    """What ``loss`` may use besides the batch."""

    @property
    def step(self) -> int:
        """Steps done so far."""

    @property
    def state(self) -> Any:
        """What the last ``Loss`` of this phase carried, or None."""

    @property
    def shared(self) -> Mapping[str, Tensor]:
        """What the phases before this one shared in this step, for the same examples; empty in the first."""

    @property
    def networks(self) -> Mapping[str, Module]:
        """The networks, wrapped as the loop needs them; call them through ``forward`` only."""

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Draw standard normal noise ``(B, *shape)``, keyed by the examples' global places and `name`."""

    def uniform(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Draw noise uniform in [0, 1), ``(B, *shape)``, keyed alike."""

    def labels(self, name: str, classes: int) -> Tensor:
        """Draw labels ``(B,)`` uniform in ``0 .. classes - 1``, keyed alike."""


@dataclass(frozen=True, slots=True)
class DataShape:
    """What a component must know of the data before it is built.

    Attributes:
        shape: of one example, ``(C, H, W)`` for pictures, ``(T,)`` for texts of at most T tokens.
        labels: names of the classes in order, or empty.
        files: what belongs to the model besides its weights and was made of the data before: a tokenizer.
        vector: length of the vector that each example is conditioned by; 0: none.
    """

    shape: tuple[int, ...]
    labels: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=empty, hash=False)
    vector: int = 0


class Examples(Protocol):
    """Anything that can be learnt from: a number of examples, what is known of them, and batches by index.

    Each epoch is a permutation of its own. One that wants another order has a method ``order(seed, batch)`` which
    gives an `Order`.
    """

    def __len__(self) -> int: ...

    @property
    def described(self) -> DataShape:
        """What a component must know before it is built."""

    def batch(self, indices: NDArray[np.int64]) -> Batch:
        """Return the examples at `indices`, in that order."""


class Order(Protocol):
    """An endless order of examples. It depends on the place alone, so a training can go on from any step."""

    def indices(self, start: int, count: int) -> NDArray[np.int64]:
        """Return the examples at places ``start .. start + count - 1``."""


@runtime_checkable
class Ordered(Protocol):
    """Examples that have an order of their own, such as pieces of one long text."""

    def order(self, seed: int, batch: int) -> Order:
        """Return the order for a seed and a number of examples a step."""


class Trainable(Protocol):
    """What a component supplies to be trained and saved.

    ``Config`` is a pydantic class of everything that the networks and losses depend on; it is stored in
    ``aigc.json`` as the model's options, and building the class from it gives the same networks again.
    """

    Config: ClassVar[type[BaseModel]]

    def __init__(self, config: Any, data: DataShape) -> None: ...

    @property
    def networks(self) -> Mapping[str, Module]:
        """All trained networks by name."""

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The turns of one step, in order. A VAE has one, a GAN two."""

    @property
    def inference(self) -> tuple[str, ...]:
        """Names of the networks that are of use after training; they are averaged (EMA), and make up the model."""

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        """Return the loss of one phase on one batch."""

    def fit_sampler(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]:
        """After training, fit what ``sample`` draws from (a GMM prior) and return its tensors, or nothing."""


@runtime_checkable
class ReadsTexts(Protocol):
    """A trainable component that learns from texts: it says how they become tokens."""

    @classmethod
    def examples(cls, config: Any, texts: TextData, files: Mapping[str, bytes] | None = None) -> Examples:
        """Return `texts` as examples.

        Args:
            config: an instance of ``Config``.
            texts: what is learnt from, or held against.
            files: ``DataShape.files`` that were made before, of other texts: taken instead of making new ones.

        Raises:
            UsageError: nothing can be learnt from them.
        """


@runtime_checkable
class ReadsCaptions(Protocol):
    """A trainable component that learns from pictures and their captions: it says how those become tokens."""

    @classmethod
    def examples(cls, config: Any, captioned: CaptionedPictures, files: Mapping[str, bytes] | None = None) -> Examples:
        """Return pairs as examples: batches have ``captions``. Arguments and errors as of ``ReadsTexts``."""


@runtime_checkable
class HasFiles(Protocol):
    """A component whose model folder holds more than weights."""

    def files(self) -> Mapping[str, bytes]:
        """Return name → content of further files, e.g. what lets another library load the model."""


@runtime_checkable
class Restores(Protocol):
    """A component whose model folders hold weights in another form than its networks do: rounded to bytes, say."""

    @classmethod
    def restored(cls, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the tensors of a model folder, ``<network>.<parameter>``, as the networks have them."""


@runtime_checkable
class Samples(Protocol):
    """A trainable component that makes content. The loop shows its samples while it trains."""

    def latent(self, noise: Noise, options: Any, condition: Any = None) -> Any:
        """Draw what ``sample`` starts from for one item: float32 array ``(D,)``.

        Args:
            condition: what the item is told, its row of what ``sample`` is given: a label, a vector, or None.
        """

    def sample(self, latent: Tensor, condition: Tensor | None) -> Tensor:
        """Turn latents ``(B, D)`` and what each is told into pictures ``(B, C, H, W)`` in [0, 1]."""


@runtime_checkable
class Encodes(Protocol):
    """A component that finds the latent of a picture: what reconstruction and ``--like`` need."""

    def encode(self, data: Tensor) -> Tensor:
        """Return latents ``(B, D)`` from which ``sample`` makes pictures ``(B, C, H, W)`` again; in a VAE, means."""


@runtime_checkable
class Likelihood(Protocol):
    """A component that bounds how likely its model holds a picture to be."""

    def log_likelihood(self, data: Tensor, noise: Noise, samples: int) -> tuple[Tensor, Tensor]:
        """Return lower bounds of ``log p(x)`` in nats, ``(B,)`` each: the ELBO and the tighter IWAE bound.

        Both from the same `samples` latents a picture: Burda et al. 2016 (Importance weighted autoencoders), eq. 8.
        """


@dataclass(frozen=True, slots=True)
class Alarm:
    """A sign that a training goes wrong.

    Attributes:
        name: of the illness, e.g. ``"posterior collapse"``; one of a name is told once until it has passed.
        message: what was seen, with the numbers.
        advice: what to try next.
    """

    name: str
    message: str
    advice: str


@runtime_checkable
class Watched(Protocol):
    """A trainable component that knows signs of its own illnesses."""

    def alarms(self, logs: Mapping[str, float]) -> Sequence[Alarm]:
        """Return what looks wrong in the means of the logs (``phase/name``) since the last look."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a finished training hands on: the options and weights of a model folder, and how it went."""

    options: Mapping[str, JSON]
    tensors: Mapping[str, Tensor]
    steps: int
    seconds: float
    history: tuple[Mapping[str, float], ...]
