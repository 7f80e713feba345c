"""Fold text so that one word has one spelling, and remember where each folded character came from.

Folding is close to NFKC_Casefold (The Unicode Standard, section 3.13): full-width letters become plain ones,
capitals small ones, and characters that cannot be seen disappear. It changes lengths (ﬁ becomes fi, e with a
combining accent becomes é), so a map leads back to the original.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# Soft hyphen, zero-width characters, direction marks, variation selectors, tags: "po\u200bison" is "poison".
_UNSEEN = re.compile(
    r"[\xad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    r"\U000e0000-\U000e0fff]"
)


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text; its character ``k`` came from ``original[starts[k]:ends[k]]``."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where ``text[start:end]``, which is not empty, stands in the original."""
        return (self.starts[start], self.ends[end - 1])


def fold(text: str, *, case_sensitive: bool = False) -> Folded:
    """Return the text folded; runs of whitespace become one space each."""
    folded: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        piece = _fold_cluster(text[start:end], case_sensitive)
        if piece == " " and folded and folded[-1] == " ":
            ends[-1] = end
            continue
        for character in piece:
            folded.append(character)
            starts.append(start)
            ends.append(end)
    return Folded("".join(folded), tuple(starts), tuple(ends))


def _clusters(text: str) -> list[tuple[int, int]]:
    """Cut the text where normalisation cannot reach across: before each character that joins none."""
    # ASCII joins nothing, which spares English text the look-up.
    cuts = [at for at, character in enumerate(text) if character < "\x80" or not _joins(character)]
    if text and (not cuts or cuts[0] != 0):
        cuts.insert(0, 0)
    return list(zip(cuts, [*cuts[1:], len(text)], strict=True)) if cuts else []


@lru_cache(maxsize=65_536)
def _joins(character: str) -> bool:
    if _UNSEEN.match(character) or "\u1160" <= character <= "\u11ff":
        return True  # An accent may follow the former; the latter are vowels and finals of Hangul.
    # Decomposed, because the half-width voicing marks ﾞ and ﾟ are combining ones only then.
    return unicodedata.combining(unicodedata.normalize("NFKD", character)[0]) != 0


@lru_cache(maxsize=65_536)
def _fold_cluster(cluster: str, case_sensitive: bool) -> str:
    piece = unicodedata.normalize("NFKC", _UNSEEN.sub("", cluster))
    if not case_sensitive:
        piece = unicodedata.normalize("NFKC", piece.casefold())
    return " " if piece.isspace() else piece
