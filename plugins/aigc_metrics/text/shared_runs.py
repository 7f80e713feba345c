"""How many words in a row each of some texts shares with any of many others, at most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from aigc_metrics.text.words import words

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

#: Words of the others that are in memory at once.
CHUNK = 1 << 22


def longest_shared_runs(texts: Sequence[str], others: Iterable[str]) -> Places:
    """Return for each of `texts` how many words of it stand in a row in one of `others` at most, ``(N,)``.

    A run of n + 1 words is shared only where its first n are. So all places are tried for one word, those that match
    for two, and on until none is left. Runs are compared by 64-bit hashes; among 10⁵ and 10⁷ of them, two that differ
    are taken for one with a probability of 10⁻⁷.
    """
    known: dict[str, int] = {}
    cut = [[known.setdefault(word, len(known) + 1) for word in words(text)] for text in texts]
    # A 0 stands between two texts, and for what is in none of the texts.
    tokens = np.array([token for each in cut for token in (*each, 0)], np.uint64)
    text = np.repeat(np.arange(len(cut)), [len(each) + 1 for each in cut])
    longest = np.zeros(len(cut), np.int64)
    for chunk in _chunks(others, known):
        for length, places in _shared(tokens, chunk):
            np.maximum.at(longest, text[places], length)
    return longest


def _chunks(others: Iterable[str], known: dict[str, int]) -> Iterator[Hashes]:
    """Yield the words of many texts as numbers, some texts at a time, each followed by a 0."""
    chunk: list[int] = []
    for other in others:
        chunk += [known.get(word, 0) for word in words(other)]
        chunk.append(0)
        if len(chunk) >= CHUNK:
            yield np.array(chunk, np.uint64)
            chunk = []
    if chunk:
        yield np.array(chunk, np.uint64)


def _shared(one: Hashes, other: Hashes) -> Iterator[tuple[int, Places]]:
    """Yield n and the places in `one` where a run of n words begins that is in `other`, too, for n = 1, 2, …"""
    mine, theirs = (np.flatnonzero(tokens).astype(np.int64) for tokens in (one, other))
    my_runs, their_runs = _mixed(one[mine]), _mixed(other[theirs])
    length = 1
    while True:
        my_kept, their_kept = _in(my_runs, their_runs), _in(their_runs, my_runs)
        mine, my_runs, theirs, their_runs = mine[my_kept], my_runs[my_kept], theirs[their_kept], their_runs[their_kept]
        if not len(mine):
            return
        yield length, mine
        mine, my_runs = _longer(one, mine, my_runs, length)
        theirs, their_runs = _longer(other, theirs, their_runs, length)
        length += 1


def _in(some: Hashes, others: Hashes) -> NDArray[np.bool_]:
    """Say of each of some numbers whether it is among others."""
    found = np.unique(others)
    if not len(found):
        return np.zeros(len(some), bool)
    places = np.minimum(np.searchsorted(found, some), len(found) - 1)
    return np.asarray(found[places] == some)


def _longer(tokens: Hashes, places: Places, runs: Hashes, length: int) -> tuple[Places, Hashes]:
    """Return runs of one word more, where there is one."""
    following = tokens[places + length]  # the last token is a 0, and no run goes beyond it
    there = following > 0
    return places[there], _mixed(runs[there] ^ (following[there] * np.uint64(0x9E3779B97F4A7C15)))


def _mixed(numbers: Hashes) -> Hashes:
    """Return a hash of each number: the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
