"""Emoji with their names, in English and in Chinese: what a model learns that writes what is in a picture.

The pictures are those of ``emoji.py``, split by concept in the same way, with both names of each. There are few, and
the model also learns to spell: frequent nouns of WordNet and their Chinese, each told its own vector as a text. In
one space a picture lies near what it is called, though not on it: vectors of words are moved as far away at random.
"""

from __future__ import annotations

from collections.abc import Callable

import emoji
import numpy as np
from bilingual import dictionary
from emoji_pairs import LANGUAGES, captions, without_tones
from numpy.random import Generator, Philox
from numpy.typing import NDArray
from sentences import PACKAGE

from aigc_core import CaptionedPictures, TextData

#: English words by frequency that are learnt to be spelt, where they are nouns.
FREQUENT = 25_000
#: How far vectors of words are moved, of length 1: pictures lie about so far from their names.
AWAY = 0.8
#: How far those of pictures are, where they stand in the data again.
NEARBY = 0.3
#: How often each picture, and each word, stands in an epoch.
PICTURES, WORDS = 3, 2

Embed = Callable[..., NDArray[np.float32]]


def load(part: str) -> CaptionedPictures:
    """Return each picture of a part with its name in each language."""
    rows = emoji.table()
    chosen = np.flatnonzero(rows["parts"] == part)
    codes = [without_tones(str(code)) for code in rows["codes"][chosen]]
    return CaptionedPictures.joined(
        rows["pixels"][chosen], [[captions(language)[code].label for language in LANGUAGES] for code in codes]
    )


def words() -> list[str]:
    """Return frequent English nouns, and of each the first Chinese word that it is translated by, sorted."""
    known = _nouns()
    entries = [entry for entry in dictionary() if entry.rank and entry.rank <= FREQUENT and entry.word in known]
    chinese = {word for entry in entries for word, place in entry.translations if place == 0}
    return sorted({*(entry.word for entry in entries), *chinese})


def _nouns() -> set[str]:
    """Return WordNet's nouns of one word (``man 5 wndb``)."""
    lines = PACKAGE.read("./usr/share/wordnet/data.noun").decode("ascii").splitlines()
    fields = [line.split() for line in lines if not line.startswith("  ")]
    found = {each[4 + 2 * place] for each in fields for place in range(int(each[3], 16))}
    return {word for word in found if word.islower() and word.isalpha()}


def learnt(embed: Embed) -> TextData:
    """Return names of training pictures and words, each with the vector of what it is a name of.

    Args:
        embed: from pictures uint8 ``(N, 3, H, W)``, and from texts, to float32 ``(N, D)``.
    """
    pairs, spelt = load("train"), words()
    named = embed(pairs.pixels)[pairs.picture_of]
    random = Generator(Philox(key=0))
    vectors = [named, *(_moved(named, NEARBY, random) for _ in range(PICTURES - 1))]
    vectors += [_moved(embed(spelt), AWAY, random) for _ in range(WORDS)]
    return TextData([*list(pairs.captions) * PICTURES, *spelt * WORDS], vectors=np.concatenate(vectors))


def _moved(vectors: NDArray[np.float32], far: float, random: Generator) -> NDArray[np.float32]:
    """Return vectors of length 1 moved by `far` each in a direction of its own, and brought back to length 1."""
    away = random.standard_normal(vectors.shape)
    moved = vectors + far * away / np.linalg.norm(away, axis=1, keepdims=True)
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)
