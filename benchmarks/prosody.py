"""Chinese quatrains, measured: form, rhyme, acrostics, and lines that stand in other poems.

Rhymes are heard in today's Mandarin (``pypinyin``), in which many of the rhymes of the Tang are lost: only what real
quatrains reach in the same ears says what a rate is worth.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

LENGTHS = (5, 7)
#: What stands after the four lines.
MARKS = "，。，。"


def lines_of(poem: str) -> list[str]:
    """Split a poem at its punctuation and line breaks."""
    return [line for line in re.split(r"[，。？！；、\s]", poem) if line]


def has_form(poem: str) -> bool:
    """Whether a poem is a quatrain: four lines of five or of seven Chinese characters, each with its mark."""
    for length in LENGTHS:
        line = f"[\u3400-\u9fff]{{{length}}}"
        if re.fullmatch("".join(line + mark for mark in MARKS), poem):
            return True
    return False


@cache
def final(line: str) -> str:
    """Return the final of a line's last character, as ``pypinyin`` reads the line: ``"ian"`` for 间."""
    from pypinyin import Style, lazy_pinyin

    return str(lazy_pinyin(line, style=Style.FINALS)[-1])


def without_medial(sound: str) -> str:
    """Return what rhymes of a final: without the i, u or ü that glides into its vowel.

    >>> [without_medial(sound) for sound in ("ian", "uan", "van", "an", "in", "iu", "uo")]
    ['an', 'an', 'an', 'an', 'in', 'iu', 'o']
    """
    return re.sub(r"^[iuvü](?=[aeo])", "", sound)


@dataclass(frozen=True, slots=True)
class Rhymes:
    """How often lines 2 and 4 rhyme.

    Attributes:
        full: share of poems whose two lines end with the same final.
        heard: share of those whose finals are the same without medials, as rhymes are counted.
        n: poems with four lines.
    """

    full: float
    heard: float
    n: int


def rhymes_of(poems: Sequence[str]) -> Rhymes:
    """Measure the rhyme of lines 2 and 4; poems of another number of lines have none."""
    pairs = [(lines[1], lines[3]) for lines in map(lines_of, poems) if len(lines) == 4]
    ends = [(final(second), final(fourth)) for second, fourth in pairs]
    full = sum(one == other for one, other in ends)
    heard = sum(without_medial(one) == without_medial(other) for one, other in ends)
    return Rhymes(full / len(poems), heard / len(poems), len(pairs))


def repeated(poem: str, known: Collection[str]) -> list[str]:
    """Return the lines of a poem that are among the `known` ones."""
    return [line for line in lines_of(poem) if line in known]


def is_acrostic(poem: str, heads: str) -> bool:
    """Whether the lines of a poem begin with the characters of `heads`, one each."""
    return "".join(line[0] for line in lines_of(poem)) == heads
