"""Chinese quatrains of five and seven characters: 床前明月光，疑是地上霜。举头望明月，低头思故乡。

They come from the package ``chinese-poetry`` and are written in simplified characters: all quatrains (绝句) of the
Tang, those of the Song but for the sermons of its monks, and the two halves of each Tang poem of eight lines. Half a
regulated verse has the form and the rhyme of a quatrain; 绝句, "cut verse", is said to be named after that. Training
takes all of them; validation and test hold whole quatrains only.

Poems that share a line are one family, and training, validation and test part ways by family. So no line that is
validated or tested with is trained on, whatever poet it is ascribed to, and whoever quotes it.

The label of a poem is its rhyme, as poets choose it first: what lines 2 and 4 end in, in today's Mandarin. Many rhymes
of the Tang are lost in it; the poems that have them are labelled ``other``.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from packages import Package

from aigc_core import TextData
from aigc_core.data.splits import split_of

PACKAGE = Package(
    "chinese-poetry@2.0.1",
    "chinese-poetry-2.0.1.tgz",
    "25b549e46919c3a0569db6b68ddc96956b04a484ea4518ad2bbd4f137e307e86",
)
DYNASTIES = ("tang", "song")
#: With which the names of Buddhist monks begin. In the Song most of what they left are sermons in verse.
MONK = "釋"
#: How often a character stands in all poems at least; a poem with a rarer one is left out.
OFTEN = 25
#: Share of characters that are the same in the same place, from which on two poems are one.
ALIKE = 0.6

#: The label of poems that do not rhyme today, and of rare rhymes: of fewer poems than this share.
OTHER, LEAST = "other", 0.01

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Poem:
    """Four lines of five or seven characters, and whether they are a whole poem or half of one."""

    lines: Lines
    whole: bool = True

    @property
    def characters(self) -> str:
        """Return the four lines without punctuation."""
        return "".join(self.lines)

    @property
    def text(self) -> str:
        """Return it as it is printed: a comma after odd lines, a full stop after even ones."""
        first, second, third, fourth = self.lines
        return f"{first}，{second}。{third}，{fourth}。"


def lines_of(text: str) -> Lines:
    """Return the lines of a poem whose lines all have five, or all have seven, characters; of any other, none.

    A comma must stand after odd lines and a full stop after even ones. Characters that fonts lack (those beyond the
    Basic Multilingual Plane) and signs for lost ones make it any other.

    >>> lines_of("床前明月光，疑是地上霜。")
    ('床前明月光', '疑是地上霜')
    >>> lines_of("床前明月光，疑是地□霜。"), lines_of("床前明月光。疑是地上霜。"), lines_of("大江东去，浪淘尽。")
    ((), (), ())
    """
    for length in (5, 7):
        line = f"[\u3400-\u9fff]{{{length}}}"
        if re.fullmatch(f"({line}，{line}。)+", text):
            return tuple(re.findall(line, text))
    return ()


def poems_of(lines: Lines, *, halves: bool) -> list[Poem]:
    """Return the quatrain that these lines are, or, where wanted, the two that a poem of eight lines is cut into."""
    if len(lines) == 4:
        return [Poem(lines)]
    return [Poem(lines[:4], whole=False), Poem(lines[4:], whole=False)] if halves and len(lines) == 8 else []


def simplified(poems: Sequence[Poem]) -> list[Poem]:
    """Write poems in simplified characters."""
    try:
        from opencc import OpenCC
    except ImportError:
        sys.exit("the package opencc-python-reimplemented is needed: pip install opencc-python-reimplemented")
    # All at once: each call has a cost of its own.
    lines = OpenCC("t2s").convert("\n".join(line for poem in poems for line in poem.lines)).split("\n")
    return [
        Poem(tuple(lines[place : place + 4]), poem.whole)
        for place, poem in zip(range(0, len(lines), 4), poems, strict=True)
    ]


def without_rare(poems: Sequence[Poem], often: int = OFTEN) -> list[Poem]:
    """Leave out poems with a character that stands in all of them fewer times than `often`."""
    counts = Counter(character for poem in poems for character in poem.characters)
    return [poem for poem in poems if all(counts[character] >= often for character in poem.characters)]


def nearly_same(one: Poem, other: Poem) -> bool:
    """Return whether two poems are one, with variants: two lines are shared, or most characters in the same place."""
    if len(set(one.lines) & set(other.lines)) >= 2:
        return True
    pairs = list(zip(one.characters, other.characters, strict=False))
    same_length = len(one.characters) == len(other.characters)
    return same_length and sum(a == b for a, b in pairs) >= ALIKE * len(pairs)


def families(poems: Iterable[Poem]) -> dict[Poem, Poem]:
    """Return distinct poems, each with the one that its family is named by.

    Poems are one family that share a line, directly or through others. Of nearly the same poems the first is kept.
    """
    holders: defaultdict[str, list[Poem]] = defaultdict(list)
    parent: dict[Poem, Poem] = {}

    def first_of(poem: Poem) -> Poem:
        while parent[poem] != poem:
            poem = parent[poem]
        return poem

    for poem in poems:
        relatives = [other for line in poem.lines for other in holders[line]]
        if any(nearly_same(poem, other) for other in relatives):
            continue
        first = first_of(relatives[0]) if relatives else poem
        for other in (poem, *(first_of(relative) for relative in relatives)):
            parent[other] = first
        for line in poem.lines:
            holders[line].append(poem)
    return {poem: first_of(poem) for poem in parent}


def _read() -> Iterator[tuple[str, Lines]]:
    """Yield the dynasty and the lines of all poems, in traditional characters."""
    with PACKAGE.open() as archive:
        contents: dict[tuple[int, int], bytes] = {}
        for member in archive:
            match = re.fullmatch(r"package/dist/quantangshi/poet\.(tang|song)\.(\d+)\.json", member.name)
            file = archive.extractfile(member) if match else None
            if match and file:
                contents[DYNASTIES.index(match[1]), int(match[2])] = file.read()
    for (dynasty, _), content in sorted(contents.items()):
        for poem in json.loads(content):
            if DYNASTIES[dynasty] == "tang" or not poem["author"].startswith(MONK):
                yield DYNASTIES[dynasty], lines_of("".join(poem["paragraphs"]))


@cache
def _poems() -> dict[Poem, str]:
    """Return all poems, each with the part that its family is in."""
    cut = [poem for dynasty, lines in _read() for poem in poems_of(lines, halves=dynasty == "tang")]
    # Whole ones first, so that of a quatrain and the half that it is again, the quatrain is kept.
    ordered = sorted(simplified(cut), key=lambda poem: not poem.whole)
    return {poem: split_of(first.text) for poem, first in families(without_rare(ordered)).items()}


def ending(line: str) -> str:
    """Return what rhymes of a line in today's Mandarin: its last final without the i, u or ü that glides into it."""
    try:
        from pypinyin import Style, lazy_pinyin
    except ImportError:
        sys.exit("the package pypinyin is needed: pip install pypinyin")
    return re.sub(r"^[iuvü](?=[aeo])", "", str(lazy_pinyin(line, style=Style.FINALS)[-1]))


def rhyme(poem: Poem) -> str:
    """Return what lines 2 and 4 of a poem rhyme on, or `OTHER` where they do not today."""
    second, fourth = ending(poem.lines[1]), ending(poem.lines[3])
    return fourth if second == fourth else OTHER


@cache
def rhymes() -> tuple[str, ...]:
    """Return the rhymes that are frequent enough to be learnt, the most frequent first, and `OTHER` last."""
    found = Counter(rhyme(poem) for poem, part in _poems().items() if part == "train")
    count = found.total()
    return (*(name for name, times in found.most_common() if name != OTHER and times >= LEAST * count), OTHER)


def load(part: str) -> TextData:
    """Return the poems of ``train``, or the whole quatrains of ``validation`` or ``test``, labelled by their rhyme."""
    poems = [poem for poem, its_part in _poems().items() if its_part == part and (poem.whole or part == "train")]
    names = rhymes()
    labels = [names.index(name) if (name := rhyme(poem)) in names else len(names) - 1 for poem in poems]
    return TextData([poem.text for poem in poems], labels=np.array(labels), label_names=names)
