"""Pictures that are there more than once: the very same pixels, and nearly the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.data.groups import Groups, bucket_pairs, join

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Two pictures are nearly the same if at most this many of the 64 bits of their hashes differ, and …
NEAR_BITS = 3
#: … their grey values correlate at least this much.
NEAR_CORRELATION = 0.98

# Hashes at most three bits apart are equal in at least one of four parts of 16 bits: the pigeonhole principle.
_BANDS = 4
# A picture whose grey values differ by less than this, as a standard deviation, shows nothing to compare by.
_FLAT = 2.0
_CHUNK = 1024


def near(pixels: NDArray[np.uint8], same: Groups) -> Groups:
    """Group pictures that look nearly the same: scaled, compressed or brightened copies.

    Time grows with N log N, also where all pictures are alike.

    Args:
        pixels: ``(N, C, H, W)``.
        same: the exact duplicates, of which only the first are looked at. They are in the result, too.
    """
    firsts = same.firsts
    hashes, flat = _hashes(pixels, firsts)
    firsts, hashes = firsts[~flat], hashes[~flat]
    of = np.arange(len(pixels))
    for close in _close_pairs(hashes):
        pairs = firsts[close]
        # Those that are together already, by others that are like both, are not compared.
        pairs = pairs[of[pairs[:, 0]] != of[pairs[:, 1]]]
        join(of, pairs[_correlation(pixels, pairs) >= NEAR_CORRELATION])
    return Groups(of[same.of])


def perceptual_hashes(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the 64-bit pHash of each picture ``(N, C, H, W)``.

    Each of the frequencies (1 … 8, 1 … 8) of the discrete cosine transform of the grey values gives a bit: whether it
    is above their median. So brightness and contrast do not count. From C. Zauner 2010, Implementation and
    benchmarking of perceptual image hash functions, section 3.2.1; there, the picture is first scaled to 32 × 32.
    """
    return _hashes(pixels, np.arange(len(pixels)))[0]


def _hashes(pixels: NDArray[np.uint8], indices: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    rows, columns = _cosines(pixels.shape[2]), _cosines(pixels.shape[3])
    hashes, flat = [np.empty(0, np.uint64)], [np.empty(0, np.bool_)]
    for start in range(0, len(indices), _CHUNK):
        grey = _grey(pixels[indices[start : start + _CHUNK]])
        low = (rows @ grey @ columns.T).reshape(len(grey), 64)
        bits = low > np.median(low, axis=1, keepdims=True)
        hashes.append(np.packbits(bits, axis=1).view(np.uint64)[:, 0])
        flat.append(grey.std(axis=(1, 2)) < _FLAT)
    return np.concatenate(hashes), np.concatenate(flat)


def _cosines(size: int) -> NDArray[np.float32]:
    """Return the rows 1 to 8 of the DCT-II matrix, ``(8, size)``."""
    frequency, place = np.arange(1, 9)[:, None], np.arange(size)[None, :]
    cosines: NDArray[np.float32] = np.cos(np.pi * frequency * (2 * place + 1) / (2 * size)).astype(np.float32)
    return cosines


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    grey: NDArray[np.float32] = pixels.astype(np.float32).mean(axis=1)
    return grey


def _close_pairs(hashes: NDArray[np.uint64]) -> Iterator[NDArray[np.int64]]:
    """Yield pairs of indices ``(P, 2)`` whose hashes are at most `NEAR_BITS` apart, some of them more than once."""
    bands = hashes.view(np.uint16).reshape(len(hashes), _BANDS)
    for band in range(_BANDS):
        keys = bands[:, band]
        for pairs in bucket_pairs(keys, np.lexsort((hashes, keys))):
            apart = np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]])
            yield pairs[apart <= NEAR_BITS]


def _correlation(pixels: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return how much the grey values of each pair ``(P, 2)`` correlate, in [-1, 1]."""
    found = [np.empty(0, np.float32)]
    for start in range(0, len(pairs), _CHUNK):
        part = pairs[start : start + _CHUNK]
        left, right = (_standardised(_grey(pixels[part[:, side]])) for side in (0, 1))
        found.append((left * right).mean(axis=1))
    return np.concatenate(found)


def _standardised(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = grey.reshape(len(grey), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / flat.std(axis=1, keepdims=True))
