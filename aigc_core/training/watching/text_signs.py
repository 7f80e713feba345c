"""Signs of illness in texts, held against real ones: all alike, repeating themselves, copied, empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.randomness import stream_key
from aigc_core.training.contract import Alarm
from aigc_core.training.watching.signs import BLANK, COLLAPSE, ENOUGH, MANY_COPIES, MANY_REPEATS, MEMORISING, MOST

if TYPE_CHECKING:
    from numpy.typing import NDArray

REPETITION = "repetition"

SEARCHED = 50_000  # texts that copies are looked for in
SEARCHED_CHARACTERS = 10_000_000

#: Characters that a shared piece has. Chinese says in five what English says in about twenty.
PIECE, PIECE_CHINESE = 20, 5
#: A text is a near copy where more than this share of its pieces stands in training texts; or than of 99 in 100
#: training texts stands in other ones, where they resemble each other more than that.
COPIED, USUAL = 0.5, 0.99

LOW_VARIETY = 0.3
#: Real texts repeat a few words; a third of all four-letter pieces are repeated where a model goes round in circles.
GOES_ROUND, MUCH_MORE = 0.3, 3.0


def pieces(text: str, length: int) -> NDArray[np.uint64]:
    """Return a hash of each run of `length` characters, in order; none of a shorter text.

    A polynomial in the code points modulo 2⁶⁴: Karp & Rabin 1987 (Efficient randomized pattern-matching algorithms).
    """
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
    if len(codes) < length:
        return np.empty(0, np.uint64)
    base, hashes = np.uint64(0x9E3779B97F4A7C15), np.zeros(len(codes) - length + 1, np.uint64)
    for offset in range(length):
        hashes = hashes * base + codes[offset : offset + len(hashes)] + np.uint64(1)
    return hashes


def piece_length(texts: Sequence[str]) -> int:
    """Return how long a shared piece is in such texts."""
    letters = "".join(texts[: 10 * ENOUGH])
    chinese = sum("\u3400" <= letter <= "\u9fff" for letter in letters)
    return PIECE_CHINESE if 2 * chinese > len(letters) else PIECE


def repetition(text: str, length: int = 4) -> float:
    """Return the share of runs of `length` characters that stood in the text before; 0 for none."""
    found = pieces(text, length)
    return 1 - len(np.unique(found)) / len(found) if len(found) else 0.0


def variety(texts: Sequence[str], length: int = 4) -> float:
    """Return the share of all runs of `length` characters that are different ones: distinct-n by characters.

    Li et al. 2016 (A diversity-promoting objective function for neural conversation models), section 5.
    """
    found = np.concatenate([np.empty(0, np.uint64), *(pieces(text, length) for text in texts)])
    return len(np.unique(found)) / len(found) if len(found) else 0.0


@dataclass(frozen=True, slots=True)
class Copies:
    """The pieces of training texts.

    Attributes:
        length: of a piece, in characters.
        known: all of them, sorted.
        much: what share of a text's pieces makes it a near copy.
    """

    length: int
    known: NDArray[np.uint64]
    much: float

    @classmethod
    def of(cls, texts: Sequence[str]) -> Copies:
        """Collect the pieces of `texts`."""
        length = piece_length(texts)
        found = [np.unique(pieces(text, length)) for text in texts]
        known, counts = np.unique(np.concatenate([np.empty(0, np.uint64), *found]), return_counts=True)
        shared = known[counts > 1]
        usual = [_share(pieces(text, length), shared) for text in texts[:512]]
        return cls(length, known, max(COPIED, float(np.quantile(usual, USUAL)) if usual else 0.0))

    def share(self, text: str) -> float:
        """Return the share of a text's pieces that stand in training texts; 0 for one that is shorter than a piece."""
        return _share(pieces(text, self.length), self.known)

    def is_copy(self, text: str) -> bool:
        """Say whether a text is a near copy of training texts."""
        return self.share(text) > self.much


def _share(found: NDArray[np.uint64], known: NDArray[np.uint64]) -> float:
    if not len(found) or not len(known):
        return 0.0
    places = np.searchsorted(known, found).clip(max=len(known) - 1)
    return float((known[places] == found).mean())


class TextSigns:
    """What texts are held against, made once from the data, and what they show.

    Args:
        texts: what is learnt from; at most `SEARCHED` of them, drawn from `seed`, are kept.
        seed: of the choice.
    """

    def __init__(self, texts: Sequence[str], seed: int) -> None:
        order = np.random.Generator(np.random.Philox(key=stream_key(seed, "health/texts"))).permutation(len(texts))
        chosen: list[str] = []
        characters = 0
        for place in order[:SEARCHED]:
            chosen.append(texts[place])
            characters += len(chosen[-1])
            if characters > SEARCHED_CHARACTERS:
                break
        self.searched = len(chosen)
        self._real = chosen
        self._copies = Copies.of(chosen)
        self._repetition = float(np.mean([repetition(text) for text in chosen[:512]]))

    def measure(self, samples: Sequence[str]) -> Mapping[str, float]:
        """Return the numbers that tell how samples lie among real texts, or none for too few.

        ``samples/variety``: distinct 4-grams of characters over those of as many real texts of the same length.
        ``samples/repeats``: share of samples that another one is equal to. ``samples/repetition``: share of 4-grams
        that stood in the same text before. ``samples/near_copies``: share of samples of which more than half stands
        in training texts, piece by piece, and more than is usual among those.
        """
        filled = [text for text in samples if text.strip()]
        if len(filled) < ENOUGH:
            return {}
        real = variety(_as_long(self._real, sum(map(len, filled))))
        measured = {
            "samples/repeats": 1 - len(set(filled)) / len(filled),
            "samples/repetition": float(np.mean([repetition(text) for text in filled])),
            "samples/near_copies": float(np.mean([self._copies.is_copy(text) for text in filled])),
        }
        return {**measured, "samples/variety": variety(filled) / real} if real else measured

    def broken(self, samples: Sequence[str]) -> Iterator[Alarm]:
        """Yield what no text should be: empty."""
        blank = sum(not text.strip() for text in samples)
        if samples and blank >= MOST * len(samples):
            yield Alarm(
                BLANK,
                f"{blank} of {len(samples)} samples are empty",
                "lower the learning rate (lr), or look at the data: are many texts empty?",
            )

    def alike(self, measured: Mapping[str, float], best: Mapping[str, float]) -> Iterator[Alarm]:
        """Yield what shows that the same is written over and over, or that training texts are written again.

        Args:
            measured: as ``measure`` returns it, now.
            best: the highest of each number before.
        """
        seen = []
        if (found := measured.get("samples/variety", 1.0)) < LOW_VARIETY:
            seen.append(f"samples have {found:.0%} of the variety of real texts")
        if (repeats := measured.get("samples/repeats", 0.0)) > MANY_REPEATS:
            seen.append(f"{repeats:.0%} of samples are the same as another one")
        if seen:
            advice = "lower the learning rate (lr), add dropout, or sample with a higher temperature"
            yield Alarm(COLLAPSE, "; ".join(seen), advice)
        round_and_round = measured.get("samples/repetition", 0.0)
        if round_and_round > max(GOES_ROUND, MUCH_MORE * self._repetition):
            yield Alarm(
                REPETITION,
                f"{round_and_round:.0%} of what samples say they said before; real texts: {self._repetition:.0%}",
                "train longer; when generating: --set temperature=1 top_p=0.95, or repetition_penalty=1.1",
            )
        if (copies := measured.get("samples/near_copies", 0.0)) >= MANY_COPIES:
            yield Alarm(
                MEMORISING,
                f"{copies:.0%} of samples stand in training texts for more than half of their length "
                f"({self.searched:,} texts searched)",
                "stop earlier, give more data, add dropout or weight decay, or take a smaller network",
            )


def _as_long(texts: Sequence[str], characters: int) -> list[str]:
    """Return the first of `texts` that together have so many characters."""
    taken: list[str] = []
    for text in texts:
        if characters <= 0:
            break
        taken.append(text[:characters])
        characters -= len(text)
    return taken
