"""The 31,102 verses of the King James Bible (1611), from the package ``bible-kjv-text``, in their order.

Training, validation and test part ways by chapter, so that no verse is validated with beside the ones that it was
written between. Chapters that tell the same thing in the same words (2 Kings 19 and Isaiah 37) stay together.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from packages import Package

from aigc_core import TextData
from aigc_core.data.splits import split_of

PACKAGE = Package(
    "bible-kjv-text=4.38",
    "bible-kjv-text_4.38_all.deb",
    "d61b6aad4c51ba9e2800b825325fa6a09e99a0d02a9bb6dc4724fcc4995a1b7a",
)
FILE = "./usr/lib/bible.data"
#: In ``bible.data``: where the number of compressed blocks stands, and after it the places that they begin and end at.
BLOCKS_AT = 0x58
#: The header of ``compress`` for codes of up to 16 bits, which stands in the file once and is the same for each block.
COMPRESS = b"\x1f\x9d\x90"
#: From how many characters on a verse that is the same in two chapters binds them: shorter ones are formulas such as
#: "And the LORD spake unto Moses, saying,".
BINDING = 60


@dataclass(frozen=True, slots=True)
class Verse:
    """A verse, and the chapter that it stands in (``Ge1``)."""

    chapter: str
    text: str


def parsed(lines: Iterable[str]) -> list[Verse]:
    """Read lines that are verses, and leave out others.

    >>> parsed(["Textfile 930105.", "1Ki1:1 Now king David  was old ", ""])
    [Verse(chapter='1Ki1', text='Now king David was old')]
    """
    found = (re.fullmatch(r"([1-3]?[A-Z][A-Za-z]*\d+):\d+ (.+)", line) for line in lines)
    return [Verse(match[1], " ".join(match[2].split())) for match in found if match]


def groups(verses: Sequence[Verse]) -> dict[str, str]:
    """Return for each chapter the first of those that it shares a long verse with, itself or another."""
    first: dict[str, str] = {}
    leader: dict[str, str] = {}

    def led(chapter: str) -> str:
        while leader[chapter] != chapter:
            chapter = leader[chapter]
        return chapter

    for verse in verses:
        leader.setdefault(verse.chapter, verse.chapter)
        if len(verse.text) >= BINDING:
            other = first.setdefault(verse.text, verse.chapter)
            leader[led(verse.chapter)] = led(other)
    return {chapter: led(chapter) for chapter in leader}


def _decompressed(content: bytes) -> str:
    """Undo ``compress``, block by block, with gzip, which reads its format still."""
    gzip = shutil.which("gzip")
    if gzip is None:
        sys.exit("gzip is needed to read the verses")
    (blocks,) = struct.unpack_from(">I", content, BLOCKS_AT)
    places = struct.unpack_from(f">{blocks + 1}I", content, BLOCKS_AT + 4)
    return b"".join(
        subprocess.run([gzip, "-dc"], input=COMPRESS + content[start:end], capture_output=True, check=True).stdout
        for start, end in pairwise(places)
    ).decode("ascii")


@cache
def _verses() -> tuple[Verse, ...]:
    return tuple(parsed(_decompressed(PACKAGE.read(FILE)).splitlines()))


def load(part: str) -> TextData:
    """Return the verses of ``train``, ``validation`` or ``test``, without book, chapter and number."""
    verses = _verses()
    chapters = {chapter for chapter, group in groups(verses).items() if split_of(group) == part}
    return TextData([verse.text for verse in verses if verse.chapter in chapters])
