"""The verses of the King James Bible: read from their lines, and parted by chapter."""

from __future__ import annotations

import math
import shutil
import struct

import pytest

HEADER = "Holy Bible, Authorized (King James) Version.  Textfile 930105."
LINES = (
    HEADER,
    "Ge1:1 In the beginning God created the heaven and the earth.",
    "2Ki19:1 And it came to pass, when king Hezekiah heard it, that he rent his clothes,",
    "Isa37:1 And it came to pass, when king Hezekiah heard it, that he rent his clothes,",
    "Lev1:1 And the LORD spake unto Moses, saying,",
    "Num2:1 And the LORD spake unto Moses, saying,",
    "Rev22:21 The grace of our Lord Jesus Christ be with you all.  Amen.",
    "",
)


@pytest.fixture
def verses(recipe):
    return recipe("verses")


def test_verses_are_read_without_their_numbers(verses):
    read = verses.parsed(LINES)
    assert len(read) == 6
    assert read[0] == verses.Verse("Ge1", "In the beginning God created the heaven and the earth.")
    assert read[-1] == verses.Verse("Rev22", "The grace of our Lord Jesus Christ be with you all. Amen.")


def test_chapters_that_tell_the_same_stay_together_and_formulas_bind_none(verses):
    groups = verses.groups(verses.parsed(LINES))
    assert groups["Isa37"] == groups["2Ki19"] == "2Ki19"
    assert groups["Num2"] == "Num2"


def test_chapters_are_bound_through_others_too(verses):
    one, other = (
        "a verse that is long enough to bind two chapters to each other,",
        "and another one that is as long as the first, and as binding.",
    )
    said = [("A1", one), ("B1", other), ("C1", "short"), ("D1", one), ("D1", other)]
    groups = verses.groups([verses.Verse(chapter, text) for chapter, text in said])
    assert len({groups[chapter] for chapter in ("A1", "B1", "D1")}) == 1
    assert groups["C1"] == "C1"


def compressed(text: str) -> bytes:
    """Return what ``compress`` may write for a short text, without its header: codes of 9 bits, each for one byte."""
    assert len(text) < 255, "then codes would have 10 bits"
    codes = sum(byte << 9 * place for place, byte in enumerate(text.encode("ascii")))
    return codes.to_bytes(math.ceil(len(text) * 9 / 8), "little")


@pytest.mark.skipif(shutil.which("gzip") is None, reason="gzip is needed to read the verses")
def test_blocks_of_compress_are_joined(verses):
    parts = ["\n".join(LINES[:3]), "\n" + LINES[3] + "\n"]
    first, second = map(compressed, parts)
    start = verses.BLOCKS_AT + 4 * 4
    places = struct.pack(">4I", 2, start, start + len(first), start + len(first) + len(second))
    assert verses._decompressed(bytes(verses.BLOCKS_AT) + places + first + second) == "".join(parts)
