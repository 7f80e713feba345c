"""Seeds and noise streams.

One item, one seed; every consumer of randomness of that item has a stream of its own, named. A stream is a
counter-based generator (Philox 4x64-10; Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3")
keyed with 128 bits of ``sha256(seed, stream name)``, so that no stream depends on how much another one drew,
on batch size, order, threads or workers. No global generator is ever used.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

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


class Noise:
    """A stream of random numbers that belongs to one consumer of one item, and advances as it is used.

    All arrays are float32. ``shape`` is an int, a tuple, or ``()`` for a scalar array.
    """

    __slots__ = ("_generator", "name", "seed")

    def __init__(self, seed: int, name: str) -> None:
        self.seed = seed
        self.name = name
        self._generator: Generator | None = None

    def _numbers(self) -> Generator:
        # Made on first use: most items never draw from most of their streams.
        if self._generator is None:
            from numpy.random import Generator, Philox

            self._generator = Generator(Philox(key=stream_key(self.seed, self.name)))
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
