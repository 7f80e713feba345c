"""The words that ``emoji-joint`` knows: of captions, frequent ones of English and Chinese, and pieces of rare ones."""

from __future__ import annotations

import json
import re
from collections import Counter

import emoji
import emoji_pairs
from bilingual import HAN, dictionary, ranks, wordnet

from aigc_crossmodal.tokens import FIXED, Tokenizer

#: How many there are of each kind, captions' aside.
ENGLISH, CHARACTERS, CHINESE, PIECES = 11_000, 4_000, 5_500, 2_500
SIGNS = tuple("-'’,.()!?&:/“”…·，。：、+#")


def tokenizer() -> Tokenizer:
    """Return the tokenizer; its pieces stand in it by how soon they are taken."""
    of_captions = _of_captions()
    english, rare = _english()
    characters, words = _chinese()
    pieces = _pieces(rare)
    return Tokenizer.of_pieces([*SIGNS, *of_captions, *english, *characters, *words, *pieces])


def training_codes() -> list[str]:
    """Return the code points, without tones, of all training emoji, each once, sorted."""
    rows = emoji.table()
    return sorted({emoji_pairs.without_tones(str(code)) for code in rows["codes"][rows["parts"] == "train"]})


def _of_captions() -> list[str]:
    english: dict[str, None] = {}
    chinese: Counter[str] = Counter()
    known = {word for entry in dictionary() for word, _ in entry.translations}
    for code in training_codes():
        caption = emoji_pairs.captions("en")[code]
        for text in (caption.label, *caption.tags):
            english |= dict.fromkeys(re.findall("[a-z]+", text.lower()))
        caption = emoji_pairs.captions("zh")[code]
        chinese.update(text for text in (caption.label, *caption.tags) if re.fullmatch("[一-鿿]{2,3}", text))
    return [*english, *(word for word, count in chinese.items() if count > 1 or word in known)]


def _english() -> tuple[list[str], list[str]]:
    """Return frequent words, and the words that WordNet's are made of and that are not among those, as often."""
    parts = Counter(part for word in wordnet()[0] for part in re.findall("[a-z]+", word))
    worth = {word: 1000 / (200 + rank) for word, rank in ranks().items()}
    for part, count in parts.items():
        if len(part) > 2:  # words that many others are made of are worth a token: wheel, bear
            worth[part] = worth.get(part, 0) + count / 2000
    taken = sorted(worth, key=lambda word: -worth[word])[:ENGLISH]
    least = worth[taken[-1]]
    return taken, [part for part in parts.elements() if worth.get(part, 0) < least]


def _chinese() -> tuple[list[str], list[str]]:
    """Return characters, and words of two to four, by how much of the dictionary is made of them."""
    weights: Counter[str] = Counter()
    for entry in dictionary():
        for word, place in entry.translations:
            weights[word] += 1 / (1 + place)  # type: ignore[assignment]
    worth = Counter(weights)
    for word, weight in weights.items():
        for length in range(1, 5):
            for start in range(len(word) - length + 1):
                part = word[start : start + length]
                if part != word and (length == 1 or part in weights):
                    worth[part] += weight
    ordered = [word for word in sorted(worth, key=lambda word: -worth[word]) if HAN.fullmatch(word)]
    characters = [word for word in ordered if len(word) == 1 and worth[word] >= 1]
    words = [word for word in ordered if 1 < len(word) < 5]
    return characters[:CHARACTERS], words[:CHINESE]


def _pieces(words: list[str]) -> list[str]:
    trained = json.loads(Tokenizer.train(words, PIECES + len(FIXED)).to_bytes())
    return [piece for piece, _ in trained["model"]["vocab"][len(FIXED) :]]
