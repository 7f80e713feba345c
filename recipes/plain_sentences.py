"""Those of WordNet's example sentences that are made of common words only.

Half of all words in the examples stand there once. A small model cannot learn what they are, only that there are such
words, and then makes some up.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import sentences

from aigc_core import TextData

#: How many words are common: those that stand most often in the sentences for training.
COMMON = 5_500
#: Letters of the longest sentence.
LONGEST = 90


@cache
def common() -> frozenset[str]:
    """Return the common words; of those that stand equally often, those that come first."""
    counts = Counter(word for text in sentences.load("train").texts for word in sentences.key(text).split())
    return frozenset(word for word, _ in counts.most_common(COMMON))


def load(part: str) -> TextData:
    """Return the sentences of ``train``, ``validation`` or ``test`` that have no other words, and are short."""
    known = common()
    texts = [text for text in sentences.load(part).texts if len(text) <= LONGEST]
    return TextData([text for text in texts if known.issuperset(sentences.key(text).split())])
