"""Emoji as they are painted: every picture as it is, with what it is called in English and Chinese.

Captions are those of ``emoji_pairs.py``, of training concepts alone. What is painted is asked for by name, so each name
stands in as many pairs, whatever the number of its pictures; none is mirrored, since nobody asks for that.
"""

from __future__ import annotations

import hashlib

import emoji
import numpy as np
from emoji_pairs import draw_caption, without_tones
from numpy.random import Generator, Philox

from aigc_core import CaptionedPictures

#: Pairs of each emoji: its three styles, and of people two skin tones in each.
PAIRS = 18


def load(part: str) -> CaptionedPictures:
    """Return the pairs of a part, ``PAIRS`` of each emoji, its pictures in turn."""
    rows = emoji.table()
    of_part = np.flatnonzero(rows["parts"] == part)
    places: dict[str, list[int]] = {}
    for place, code in enumerate(rows["codes"][of_part]):
        places.setdefault(without_tones(str(code)), []).append(place)
    texts, pictures = [], []
    for code, found in places.items():
        random = Generator(Philox(key=int.from_bytes(hashlib.sha256(code.encode()).digest()[:8])))
        for turn in range(PAIRS):
            pictures.append(found[turn % len(found)])
            texts.append(draw_caption(code, random))
    return CaptionedPictures(rows["pixels"][of_part], texts, np.array(pictures))
