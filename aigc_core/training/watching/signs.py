"""Signs of illness in samples, held against real pictures: all alike, copied, blank, burnt out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from aigc_core.randomness import stream_key
from aigc_core.training.contract import Alarm
from aigc_core.training.watching.neighbours import (
    NearCopies,
    coverage,
    distinct,
    diversity,
    nearest_other,
    small,
    small_data,
)

if TYPE_CHECKING:
    from torch import Tensor

    from aigc_core.training.contract import Examples

NOT_FINITE = "broken samples"
BLANK = "blank samples"
BURNT = "saturated samples"
COLLAPSE = "mode collapse"
MEMORISING = "memorising"

SEARCHED = 20_000  # pictures a near copy is looked for in: at 16 x 16 in colour, 60 MB and a tenth of a second a look
COMPARED = 512  # pictures that variety is held against
ENOUGH = 16  # samples or distinct pictures; shares of fewer say nothing

BLANK_SPREAD = 2 / 255  # a picture whose values spread less than that is of one colour to the eye
MOST = 0.9
# Measured on digits: good models have a diversity of 0.9 to 1 of the real one, and repeat themselves in 0 to 0.2. The
# blurred samples of a young VAE are at 0.6 and 0.7; ten pictures made over and over, at 0.9 and 1.
LOW_DIVERSITY = 0.3
MANY_REPEATS = 0.9
BETTER = 1.02
# A twentieth is missed by chance; what was reached once and is lost, is not.
REACHED, LOST = 0.3, 1 / 3
# One in a hundred is the rule; six of sixty happen by chance in one of 20,000 looks (binomial).
MANY_COPIES = 0.1

MORE_VARIETY = (
    "lower the learning rate of the discriminator or raise the batch; try another loss or regulariser, "
    "or go back to an earlier checkpoint"
)


class Signs:
    """What samples are held against, made once from the data, and what they show.

    Args:
        data: what is learnt from; at most `SEARCHED` of its pictures, drawn from `seed`, are kept, made small.
        labels: of the samples ``(M,)``, in the data's order of labels, or None.
        seed: of the choice of pictures.
    """

    def __init__(self, data: Examples, labels: Tensor | None, seed: int) -> None:
        order = np.random.Generator(np.random.Philox(key=stream_key(seed, "health/pictures")))
        chosen = order.permutation(len(data))[:SEARCHED]
        pictures = small_data(data, chosen)
        places = distinct(pictures)
        self.real = pictures[places]
        self.searched = len(chosen)
        self._enough = len(self.real) >= ENOUGH
        some = data.batch(chosen[places[:COMPARED].numpy()])
        self._compared = self.real[:COMPARED]
        self._labels = labels if some.condition is not None else None
        self._diversity = diversity(self._compared, None if self._labels is None else some.condition)
        self._burnt = float(_extreme(some.data).mean())
        self._copies = NearCopies(self.real) if self._enough else None

    def measure(self, samples: Tensor) -> Mapping[str, float]:
        """Return the numbers that tell how samples ``(M, C, H, W)`` lie among real pictures, or none for too few.

        ``samples/diversity``: mean distance of two samples over that of two real pictures. ``samples/coverage``:
        share of real pictures with a sample near by. ``samples/repeats``: share that is nearer to another sample
        than all but one in a hundred real pictures are. ``samples/near_copies``: of training pictures.
        """
        samples = samples.detach().float().cpu()
        if self._copies is None or len(samples) < ENOUGH or not bool(samples.isfinite().all()):
            return {}
        features = small(samples)
        measured = {
            "samples/coverage": coverage(features, self._compared),
            "samples/near_copies": self._copies.share(features),
        }
        if self._diversity > 0:  # also leaves out NaN: no two pictures of one label
            measured["samples/diversity"] = diversity(features, self._labels) / self._diversity
        # As many real pictures as there are samples, since the nearest of more are nearer; and far fewer than
        # there are distinct ones: of twenty pictures, sixty samples cannot all be different.
        sets = [part for part in torch.split(self._compared, len(samples)) if len(part) == len(samples)]
        if len(sets) >= 2:
            usual = torch.cat([nearest_other(part) for part in sets]).quantile(0.01)
            measured["samples/repeats"] = float((nearest_other(features) < usual).float().mean())
        return measured

    def broken(self, samples: Tensor) -> Iterator[Alarm]:
        """Yield what no picture should be: not a number, of one colour, black and white only where data is not."""
        samples = samples.detach().float().cpu()
        if not bool(samples.isfinite().all()):
            yield Alarm(
                NOT_FINITE,
                "samples hold values that are not finite",
                "lower the learning rate (lr), clip gradients (clip), or train in float32 (precision)",
            )
            return
        values = samples.flatten(2)  # (M, C, H*W)
        blank = (values.std(dim=2, correction=0) < BLANK_SPREAD).all(dim=1)
        if float(blank.float().mean()) >= MOST:
            level = float(samples[blank].mean())
            colour = "black" if level < 0.02 else "white" if level > 0.98 else "of one colour"
            yield Alarm(
                BLANK,
                f"{int(blank.sum())} of {len(samples)} samples are {colour} (mean {level:.2f})",
                "the generator is stuck: lower the learning rate (lr), add a warmup, or start again from another seed",
            )
            return
        burnt = float(_extreme(samples).mean())
        if self._burnt < MOST < (burnt - self._burnt) / (1 - self._burnt):
            yield Alarm(
                BURNT,
                f"{burnt:.0%} of all values in samples are black or white to the last; in the data {self._burnt:.0%}",
                "the last layer is driven to its ends: lower the learning rate (lr) or clip gradients (clip)",
            )

    def alike(self, measured: Mapping[str, float], best: Mapping[str, float]) -> Iterator[Alarm]:
        """Yield what shows that few pictures are made over and over, or old ones made again.

        Args:
            measured: as ``measure`` returns it, now.
            best: the highest of each number before. A diversity that still rises is no illness.
        """
        found, repeats = measured.get("samples/diversity", math.nan), measured.get("samples/repeats", math.nan)
        covered, best_coverage = measured.get("samples/coverage", math.nan), best.get("samples/coverage", 0.0)
        rises = found > BETTER * best.get("samples/diversity", math.inf)
        seen = []
        if found < LOW_DIVERSITY and not rises:
            seen.append(f"samples differ from each other {found:.0%} as much as real pictures do")
        if repeats > MANY_REPEATS and not rises:
            seen.append(f"{repeats:.0%} of samples are almost the same as another one")
        if best_coverage >= REACHED and covered < LOST * best_coverage:
            seen.append(f"samples reach {covered:.0%} of the real pictures; it was {best_coverage:.0%}")
        if seen:
            yield Alarm(COLLAPSE, "; ".join(seen), MORE_VARIETY)
        if (copies := measured.get("samples/near_copies", 0.0)) >= MANY_COPIES:
            yield Alarm(
                MEMORISING,
                f"{copies:.0%} of samples are nearer to a training picture than 99% of training pictures are to "
                f"another one ({self.searched:,} pictures searched)",
                "stop earlier, give more data, augment it (flip, crop, colour), or take a smaller network",
            )


def _extreme(pictures: Tensor) -> Tensor:
    """Return for each value whether it is black or white to the last of eight bits, as 0 or 1."""
    return ((pictures < 0.5 / 255) | (pictures > 254.5 / 255)).float()
