"""Seeds and noise streams.

One item, one seed; every consumer of randomness of that item has a stream of its own, named. A stream is a
counter-based generator (Philox 4x64-10; Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3")
keyed with 128 bits of ``sha256(seed, stream name)``, so that no stream depends on how much another one drew,
on batch size, order, threads or workers. No global generator is ever used.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aigc_core.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray

#: Item seeds are non-negative and below this bound; torch and numpy both take any of them.
SEED_LIMIT = 2**63

Shape = int | tuple[int, ...]


def stream_key(seed: int, name: str) -> int:
    """Return the 128-bit Philox key of the stream `name` of the item with `seed`."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:16], "little")


def item_seed(seed: int, index: int) -> int:
    """Return the seed of item `index` of a run: ``seed + index``, so that any item can be made alone.

    Raises:
        UsageError: the seed leaves ``0 <= seed < 2**63``.
    """
    if seed < 0 or seed + index >= SEED_LIMIT:
        raise UsageError(f"seed {seed + index} is out of range", hint="seeds go from 0 to 2**63 - 1")
    return seed + index


@dataclass(frozen=True, slots=True)
class Between:
    """A place on the way from one seed to another: what an interpolated item has instead of a seed of its own.

    Attributes:
        a, b: the seeds at the ends.
        t: 0 at `a`, 1 at `b`.
    """

    a: int
    b: int
    t: float


def noise(source: int | Between, name: str) -> Noise:
    """Return the stream `name` of an item: of its seed, or between two."""
    if isinstance(source, Between):
        return NoiseBetween(source, name)
    return Noise(source, name)


@cache
def _opener() -> Callable[[int], Generator]:
    """Return what opens a stream by its key; numpy is imported when the first one is."""
    import numpy as np
    from numpy.random import Generator, Philox
    from numpy.random.bit_generator import ISeedSequence

    class Key(ISeedSequence):
        """The key as it is. ``Philox(key=…)`` asks the system for entropy first, and drops it: 8 µs instead of 2."""

        def __init__(self, key: int) -> None:
            self.words = np.array([key & 0xFFFF_FFFF_FFFF_FFFF, key >> 64], np.uint64)

        def generate_state(self, n_words: int, dtype: Any = np.uint32) -> NDArray[Any]:
            return self.words

    return lambda key: Generator(Philox(Key(key)))  # type: ignore[arg-type]  # numpy takes any ISeedSequence


class Noise:
    """A stream of random numbers that belongs to one consumer of one item, and advances as it is used.

    All arrays are float32. ``shape`` is an int, a tuple, or ``()`` for a scalar array.
    """

    __slots__ = ("_generator", "name", "seed")

    def __init__(self, seed: int, name: str) -> None:
        self.seed = seed
        self.name = name
        self._generator: Generator | None = None

    @property
    def parts(self) -> tuple[tuple[float, Noise], ...]:
        """What it is mixed from: one or two plain streams, each with its weight; the weights sum to 1.

        For a consumer that must not mix numbers but what it makes of them, such as latents that are not normal.
        """
        return ((1.0, self),)

    def _numbers(self) -> Generator:
        # Made on first use: most items never draw from most of their streams.
        if self._generator is None:
            self._generator = _opener()(stream_key(self.seed, self.name))
        return self._generator

    def normal(self, shape: Shape = ()) -> NDArray[np.float32]:
        """Draw standard normal numbers."""
        return self._numbers().standard_normal(shape, dtype="float32")

    def uniform(self, shape: Shape = ()) -> NDArray[np.float32]:
        """Draw numbers uniform in [0, 1)."""
        return self._numbers().random(shape, dtype="float32")

    def gumbel(self, shape: Shape = ()) -> NDArray[np.float32]:
        """Draw standard Gumbel numbers: ``-log(E)`` with ``E`` exponential, finite always.

        Adding them to logits and taking the argmax draws from the softmax (the Gumbel-max trick).
        """
        import numpy as np

        exponential = self._numbers().standard_exponential(shape, dtype="float32")
        return -np.log(np.maximum(exponential, np.finfo(np.float32).tiny))

    def choice(self, n: int) -> int:
        """Draw an index uniform in ``0 .. n - 1``."""
        return int(self._numbers().integers(n))


class NoiseBetween(Noise):
    """A stream between those of two seeds: it is the first one at ``t = 0`` and the second at ``t = 1``, bit for bit.

    Whatever is drawn moves from one to the other, and has at every `t` the very distribution of a plain stream; so a
    consumer need not know that it is interpolated.
    """

    __slots__ = ("_ends", "_t")

    def __init__(self, between: Between, name: str) -> None:
        super().__init__(between.a, name)
        self._ends = Noise(between.a, name), Noise(between.b, name)
        self._t = between.t

    @property
    def parts(self) -> tuple[tuple[float, Noise], ...]:
        first, second = self._ends
        if self._t in (0, 1):
            return ((1.0, second if self._t else first),)
        return ((1 - self._t, first), (self._t, second))

    def normal(self, shape: Shape = ()) -> NDArray[np.float32]:
        """Draw standard normal numbers along a great circle: ``cos(tπ/2) a + sin(tπ/2) b``.

        That is spherical linear interpolation (Shoemake 1985, Animating rotation with quaternion curves; for latents:
        White 2016, Sampling generative networks, section 2.1) at π/2, the angle that independent normal vectors
        have in the mean. With the angle that two of them happen to have, the mix would not be normal any more.
        """
        import numpy as np

        if len(parts := self.parts) == 1:
            return parts[0][1].normal(shape)
        angle = self._t * math.pi / 2
        first, second = (end.normal(shape) for end in self._ends)
        return np.asarray(first * math.cos(angle) + second * math.sin(angle))

    def uniform(self, shape: Shape = ()) -> NDArray[np.float32]:
        """Draw numbers uniform in [0, 1): a straight line, made uniform again by its own distribution function.

        The density of ``(1 - t) a + t b`` is a trapezium with flanks as wide as the smaller weight.
        """
        import numpy as np

        if len(parts := self.parts) == 1:
            return parts[0][1].uniform(shape)
        first, second = (weight * end.uniform(shape).astype(np.float64) for weight, end in parts)
        mixed = first + second
        flank, rest = min(self._t, 1 - self._t), max(self._t, 1 - self._t)
        upside = np.minimum(mixed, 1 - mixed)
        share = np.where(upside < flank, upside**2 / (2 * flank * rest), (upside - flank / 2) / rest)
        made = np.where(mixed < 0.5, share, 1 - share).astype(np.float32)
        return np.asarray(np.clip(made, np.float32(0), np.nextafter(np.float32(1), np.float32(0))))

    def gumbel(self, shape: Shape = ()) -> NDArray[np.float32]:
        """Draw standard Gumbel numbers: ``max(a + log(1 - t), b + log t)``, which is Gumbel again, being max-stable."""
        import numpy as np

        if len(parts := self.parts) == 1:
            return parts[0][1].gumbel(shape)
        first, second = (end.gumbel(shape) + np.float32(math.log(weight)) for weight, end in parts)
        return np.asarray(np.maximum(first, second))

    def choice(self, n: int) -> int:
        """Draw an index uniform in ``0 .. n - 1``: that of the nearer end, for there is nothing between two."""
        first, second = (end.choice(n) for end in self._ends)
        return second if self._t > 0.5 else first
