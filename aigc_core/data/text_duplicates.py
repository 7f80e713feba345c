"""Texts that are there more than once: the very same, and nearly the same.

Broder 1997 (On the resemblance and containment of documents): a text is the set of its shingles, two texts resemble
each other by the Jaccard coefficient of these sets, and the smallest of many hashes of a set tells it without
comparing all. Which texts to compare at all is found by bands of such hashes: Leskovec, Rajaraman & Ullman 2014
(Mining of massive datasets), section 3.4.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.data.groups import Groups, bucket_pairs, equal, join

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Two texts are nearly the same if so much of their shingles is in both.
NEAR = 0.8

#: Letters in a shingle. A Chinese character says as much as several letters, and a verse has twenty of them: with
#: longer shingles, one character that differs would make two poems of it.
_WIDTH, _WIDTH_CJK = 4, 2

# 25 bands of 5 hashes: two texts share a band with probability 1 - (1 - s⁵)²⁵, that is 0.99995 at s = 0.8, where they
# have to be found, and 0.27 at s = 0.4.
_BANDS, _ROWS = 25, 5
# Of hashes, a share s ± √(s (1 - s) / 125) agrees: 0.8 ± 0.036. Pairs so far below are not looked at closer.
_ESTIMATE = 0.65
# Letters that are in memory at once, some ten numbers for each.
_CHUNK = 1 << 20

_WORD = re.compile(r"[^\W_]+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")

Shingles = tuple["NDArray[np.uint32]", "NDArray[np.int64]"]


def exact(texts: Sequence[str]) -> Groups:
    """Group texts that are equal."""
    return equal(map(_digest, texts))


def near(texts: Sequence[str]) -> Groups:
    """Group texts that are nearly the same; equal ones are among them.

    Letters and digits count, case, spaces and punctuation do not. The memory it needs is that of 125 numbers a text,
    the time grows with the letters. What it finds does not depend on chance.
    """
    # What has no letters, such as emoji alone, is like nothing but itself.
    same = equal(_digest(_plain(text) or text) for text in texts)
    of = np.arange(len(same.of))
    narrow: list[int] = []
    wide: list[int] = []
    for index in same.firsts.tolist():
        plain = _plain(texts[index])
        if plain:
            (narrow if 2 * len(_CJK.findall(plain)) > len(plain) else wide).append(index)
    # Texts of two kinds have no shingle in common, so they are looked at apart.
    for members, width in ((narrow, _WIDTH_CJK), (wide, _WIDTH)):
        if len(members) > 1:
            _join_near(texts, np.array(members), width, of)
    return Groups(of[same.of])


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _plain(text: str) -> str:
    """Return the letters and digits of a text, and one space where others stand between them."""
    return " ".join(_WORD.findall(text.casefold()))


def _join_near(texts: Sequence[str], members: NDArray[np.int64], width: int, of: NDArray[np.int64]) -> None:
    """Join what is nearly the same among `members`, texts by their places, in `of`."""
    hashes = np.concatenate(
        [
            _smallest(*_shingles([_plain(texts[index]) for index in members[start:stop].tolist()], width))
            for start, stop in _chunks([len(texts[index]) for index in members.tolist()])
        ]
    )
    for band in range(_BANDS):
        keys = _mixed(hashes[:, band * _ROWS : (band + 1) * _ROWS])
        for close in bucket_pairs(keys, np.argsort(keys, kind="stable")):
            pairs = members[close]
            # Those that are together already, by others that are like both, are not compared.
            apart = of[pairs[:, 0]] != of[pairs[:, 1]]
            alike = (hashes[close[apart, 0]] == hashes[close[apart, 1]]).mean(axis=1)
            likely = pairs[apart][alike >= _ESTIMATE]
            sizes = [len(texts[one]) + len(texts[other]) for one, other in likely.tolist()]
            for start, stop in _chunks(sizes):
                part = likely[start:stop]
                join(of, part[_jaccard(texts, part, width) >= NEAR])


def _chunks(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the bounds of runs whose sizes sum to `_CHUNK` or little more."""
    start, total = 0, 0
    for index, size in enumerate(sizes):
        total += size
        if total >= _CHUNK or index + 1 == len(sizes):
            yield start, index + 1
            start, total = index + 1, 0


def _shingles(texts: Sequence[str], width: int) -> Shingles:
    """Return the set of shingles of each text, none of them empty: their hashes, and how many each text has.

    A text that is shorter than a shingle is one.
    """
    gap = "\0" * (width - 1)
    letters = np.frombuffer((gap.join(texts) + gap).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    starts = np.cumsum(lengths + len(gap)) - lengths - len(gap)
    counts = np.maximum(lengths - width + 1, 1)
    text = np.repeat(np.arange(len(texts)), counts)
    places = np.arange(len(text)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(starts, counts)
    windows = np.lib.stride_tricks.sliding_window_view(letters, width)
    hashes = _mixed(windows)[places] >> np.uint64(32)
    keys = np.sort(text.astype(np.uint64) << np.uint64(32) | hashes)
    keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    sizes = np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(texts))
    return keys.astype(np.uint32), sizes


def _mixed(numbers: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return a hash of each row ``(N, K)``: SplitMix64 (Steele, Lea & Flood 2014), fed a column at a time."""
    mixed = np.zeros(len(numbers), np.uint64)
    for column in range(numbers.shape[1]):
        mixed += numbers[:, column] + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed


def _smallest(shingles: NDArray[np.uint32], sizes: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return for each text the smallest of its shingles' hashes, by each of 125 hash functions, ``(N, 125)``.

    ``(a x + b) mod 2⁶⁴ >> 32``, strongly universal: Dietzfelbinger 1996 (Universal hashing and k-wise independent
    random variables via integer arithmetic without primes), theorem 1. Its numbers are fixed.
    """
    count = _BANDS * _ROWS
    drawn = np.frombuffer(hashlib.shake_128(b"MinHash").digest(16 * count), "<u8").reshape(2, count)
    wide, starts = shingles.astype(np.uint64), np.cumsum(sizes) - sizes
    smallest = np.empty((len(sizes), count), np.uint32)
    for index, (factor, shift) in enumerate(drawn.T):
        smallest[:, index] = np.minimum.reduceat(wide * factor + shift, starts) >> np.uint64(32)
    return smallest


def _jaccard(texts: Sequence[str], pairs: NDArray[np.int64], width: int) -> NDArray[np.float64]:
    """Return the Jaccard coefficient of the shingles of each pair ``(P, 2)`` of texts."""
    one, sizes = _shingles([_plain(texts[index]) for index in pairs[:, 0].tolist()], width)
    other, other_sizes = _shingles([_plain(texts[index]) for index in pairs[:, 1].tolist()], width)
    pair = np.concatenate([np.repeat(np.arange(len(pairs)), each) for each in (sizes, other_sizes)])
    keys = np.sort(pair.astype(np.uint64) << np.uint64(32) | np.concatenate([one, other]))
    twice = keys[1:][keys[1:] == keys[:-1]] >> np.uint64(32)
    both = np.bincount(twice.astype(np.int64), minlength=len(pairs))
    return both / (sizes + other_sizes - both)
