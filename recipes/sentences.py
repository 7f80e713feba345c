"""English example sentences: those that WordNet 3.0 (Princeton University) shows its words in.

They stand in quotation marks in the glosses of the package ``wordnet-base``. They are short: 34 characters on average,
many of them no whole sentences ("a sizable fortune"), most of them without a full stop.

Training, validation and test part ways by a hash of the sentence without case and punctuation; of sentences that are
the same without those, the first is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from packages import Package

from aigc_core import TextData
from aigc_core.data.splits import split_of

PACKAGE = Package(
    "wordnet-base=1:3.0-37",
    "wordnet-base_1%3a3.0-37_all.deb",
    "61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752",
)
FILES = tuple(f"./usr/share/wordnet/data.{kind}" for kind in ("adj", "adv", "noun", "verb"))


def quoted(lines: Iterable[str]) -> Iterator[str]:
    """Find the examples in lines of a WordNet data file (``man 5 wndb``): what is quoted in the gloss, after the bar.

    >>> list(quoted(['00001740 03 n 01 … | the act of dying; "a slow death"; "at death\\'s  door" ']))
    ['a slow death', "at death's door"]
    """
    for line in lines:
        gloss = line.partition(" | ")[2]
        for example in re.findall(r'"([^"]*)"', gloss):
            yield " ".join(example.replace("`", "'").split())


def key(sentence: str) -> str:
    """Return what tells sentences apart: their words, whatever the case and punctuation.

    >>> key("Scram, you fool!")
    'scram you fool'
    """
    return " ".join(re.findall(r"[^\W_]+", sentence.casefold()))


def distinct(sentences: Iterable[str]) -> dict[str, str]:
    """Return sentences of two words and more by their key, the first of those that share one."""
    kept: dict[str, str] = {}
    for sentence in sentences:
        if " " in key(sentence):
            kept.setdefault(key(sentence), sentence)
    return kept


@cache
def _sentences() -> dict[str, str]:
    return distinct(quoted(line for file in FILES for line in PACKAGE.read(file).decode("ascii").splitlines()))


def load(part: str) -> TextData:
    """Return the sentences of ``train``, ``validation`` or ``test``."""
    return TextData([sentence for words, sentence in _sentences().items() if split_of(words) == part])
