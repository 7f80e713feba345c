"""Emoji with what they are called: names and keywords of CLDR in English and Chinese, out of ``emojibase-data``.

The pictures are those of ``emoji.py``, split by concept in the same way, so what a concept that is validated or tested
with is called, in either language, is no caption of any training picture.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import emoji
import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray
from packages import Package

from aigc_core import CaptionedPictures, Embedder

Language = Literal["en", "zh"]

PACKAGE = Package(
    "emojibase-data@17.0.0",
    "emojibase-data-17.0.0.tgz",
    "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a",
)
LANGUAGES: tuple[Language, ...] = ("en", "zh")
#: Pairs of each concept, however many pictures there are of it: a farmer has more than a tomato.
PAIRS = 24
#: Share of captions that are Chinese; that are the name alone; that are the name with all keywords.
CHINESE, NAMES, JOINED = 0.3, 0.5, 0.25


@dataclass(frozen=True, slots=True)
class Caption:
    """What an emoji is called in one language.

    Attributes:
        label: its name, skin tone left out.
        tags: keywords.
    """

    label: str
    tags: tuple[str, ...]

    @property
    def joined(self) -> str:
        """The name with the keywords that do not stand in it."""
        return ", ".join([self.label, *(tag for tag in self.tags if tag not in self.label)])


@cache
def captions(language: Language) -> Mapping[str, Caption]:
    """Return what each emoji is called, by its code points without skin tones and FE0F."""
    entries: list[dict[str, Any]] = json.loads(PACKAGE.read(f"package/{language}/data.json"))
    return {without_tones(entry["hexcode"]): Caption(entry["label"], tuple(entry.get("tags", ()))) for entry in entries}


def without_tones(code: str) -> str:
    """Return code points without skin tones and FE0F: what captions are found by."""
    return "-".join(point for point in code.split("-") if point not in (*emoji.TONES, "FE0F"))


def load(part: str, styles: Collection[str] = emoji.STYLES) -> CaptionedPictures:
    """Return the pairs of a part, ``PAIRS`` of each concept: its pictures in turn, every other time mirrored.

    Letters and arrows are never mirrored. Which captions there are depends on the concept alone.
    """
    rows = emoji.table()
    of_part = np.flatnonzero((rows["parts"] == part) & np.isin(rows["styles"], list(styles)))
    pixels = rows["pixels"][of_part]
    never = np.isin(np.array(emoji.LABELS)[rows["labels"][of_part]], emoji.NEVER_MIRRORED)
    codes = rows["codes"][of_part]
    places: dict[str, list[int]] = {}
    for place, code in enumerate(codes):
        places.setdefault(emoji.concept(code), []).append(place)
    texts, pictures = [], []
    for concept, found in places.items():
        random = Generator(Philox(key=int.from_bytes(hashlib.sha256(concept.encode()).digest()[:8])))
        for turn in range(PAIRS):
            place = found[turn % len(found)]
            mirrored = random.random() < 0.5 and not never[place]
            pictures.append(place + len(pixels) * mirrored)
            texts.append(draw_caption(without_tones(codes[place]), random))
    both = np.concatenate([pixels, pixels[..., ::-1]])
    used, picture_of = np.unique(np.array(pictures), return_inverse=True)
    return CaptionedPictures(both[used], texts, picture_of)


def draw_caption(code: str, random: Generator) -> str:
    """Draw what an emoji, by its code points without skin tones, is called: in which language, by name or keywords."""
    caption = captions("zh" if random.random() < CHINESE else "en")[code]
    drawn = random.random()
    if drawn < NAMES or not caption.tags:
        return caption.label
    if drawn < NAMES + JOINED:
        return caption.joined
    count = min(len(caption.tags), int(random.integers(1, 4)))
    return ", ".join(caption.tags[place] for place in random.choice(len(caption.tags), count, replace=False))


@dataclass(frozen=True, slots=True)
class Gallery:
    """One picture of each concept of a part in one style, the yellow and neutral one, and what it is called.

    Attributes:
        pixels: uint8 ``(N, 3, 64, 64)``.
        exact: code points of each, as in the table of pictures.
        concepts: of each, sorted.
    """

    pixels: NDArray[np.uint8]
    exact: tuple[str, ...]
    concepts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.exact)

    def labels(self, language: Language) -> list[str]:
        """Return the name of each."""
        return [captions(language)[code].label for code in map(without_tones, self.exact)]


def gallery(part: str, style: str) -> Gallery:
    """Return what is looked for and what is looked through: all concepts of `part` in `style`."""
    rows = emoji.table()
    best: dict[str, tuple[tuple[bool, int, str], int]] = {}
    for place in np.flatnonzero((rows["parts"] == part) & (rows["styles"] == style)):
        code = str(rows["codes"][place])
        concept = emoji.concept(code)
        rank = (code != concept, len(code), code)  # the concept's own code points are neutral, and have no tone
        if concept not in best or rank < best[concept][0]:
            best[concept] = rank, int(place)
    chosen = [best[concept][1] for concept in sorted(best)]
    return Gallery(rows["pixels"][chosen], tuple(map(str, rows["codes"][chosen])), tuple(sorted(best)))


def recall(embedder: Embedder, part: str) -> dict[str, float]:
    """Return recall@1 and @10 of an embedder in both languages, means over the styles; ties count against it."""
    found = {}
    for language in LANGUAGES:
        places = []
        for style in emoji.STYLES:
            shown = gallery(part, style)
            similarity = embedder.embed(shown.labels(language)) @ embedder.embed(shown.pixels).T
            places.append((similarity >= similarity.diagonal()[:, None]).sum(axis=1))
        for k in (1, 10):
            found[f"{language}@{k}"] = round(float(np.mean([(place <= k).mean() for place in places])), 4)
    return found
