"""Emoji with their names, in English and in Chinese: what a model learns that writes what is in a picture.

The pictures are those of ``emoji.py``, with both names of each, split by concept in the same way.
"""

from __future__ import annotations

import emoji
import numpy as np
from emoji_pairs import LANGUAGES, captions, without_tones

from aigc_core import CaptionedPictures


def load(part: str) -> CaptionedPictures:
    """Return each picture of a part with its name in each language."""
    rows = emoji.table()
    chosen = np.flatnonzero(rows["parts"] == part)
    codes = [without_tones(str(code)) for code in rows["codes"][chosen]]
    return CaptionedPictures.joined(
        rows["pixels"][chosen], [[captions(language)[code].label for language in LANGUAGES] for code in codes]
    )
