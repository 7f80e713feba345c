"""The same text twice, and nearly the same text twice."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from aigc_core.data.groups import equal
from aigc_core.data.text_duplicates import exact, near
from aigc_core.data.text_store import Texts

VERSE = "床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。"
SENTENCE = "The old lighthouse keeper walked along the shore and counted the ships that came home."
WORDS = ["river", "stone", "lantern", "winter", "garden", "shadow", "copper", "window", "letter", "harbour", "silver"]


def groups_of(found):
    groups = [tuple(np.flatnonzero(found.of == first).tolist()) for first in found.firsts]
    return {group for group in groups if len(group) > 1}


def jaccard(one, other, width):
    """Broder 1997, section 2, written out."""
    sets = []
    for text in (one, other):
        plain = " ".join(re.findall(r"[^\W_]+", text.casefold()))
        sets.append({plain[start : start + width] for start in range(max(1, len(plain) - width + 1))})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_equal_texts_are_exact_duplicates_and_others_are_not():
    found = exact([SENTENCE, VERSE, SENTENCE.upper(), VERSE, SENTENCE, ""])
    assert groups_of(found) == {(0, 4), (1, 3)}
    assert found.surplus == 2 and found.of.tolist() == [0, 1, 2, 1, 0, 5]


@pytest.mark.parametrize(
    "copy",
    [
        SENTENCE.upper(),
        SENTENCE.replace(" ", "\n\t "),
        f"“{SENTENCE.rstrip('.')}”!",
        SENTENCE.replace("shore", "shores"),
        SENTENCE + " Then:",
    ],
)
def test_case_spaces_punctuation_and_a_small_change_do_not_hide_a_copy(copy):
    assert near([SENTENCE, "Something else entirely, of about the same length as the other one.", copy]).of[2] == 0


def test_a_verse_with_one_other_character_is_the_same_verse():
    other = VERSE.replace("地上", "池上")
    assert groups_of(near([VERSE, "白日依山盡，黃河入海流。欲窮千里目，更上一層樓。", other])) == {(0, 2)}


def test_sentences_that_share_half_their_words_are_two():
    assert (
        near([SENTENCE, SENTENCE.replace("counted the ships that came home", "forgot what he had gone for")]).surplus
        == 0
    )


def test_groups_are_those_of_comparing_all_with_all():
    """Many texts, each with copies in which ever more words differ: some lie above the bound and some below."""
    rng = np.random.default_rng(0)
    texts = []
    for _ in range(40):
        words = rng.choice(WORDS, 14).tolist()
        for changed in range(4):
            copy = list(words)
            for place in rng.choice(14, changed, replace=False):
                copy[place] = str(rng.integers(10**6))
            texts.append(" ".join(copy))
    of = list(range(len(texts)))
    above = below = 0
    for one, other in itertools.combinations(range(len(texts)), 2):
        alike = jaccard(texts[one], texts[other], width=4)
        above, below = above + (alike >= 0.8), below + (0.5 < alike < 0.8)
        if alike >= 0.8:
            first, last = sorted((of[one], of[other]))
            of = [first if each == last else each for each in of]
    assert above > 20 and below > 20
    assert near(texts).of.tolist() == of


def test_thousands_that_are_all_alike_are_one_text():
    texts = [f"{SENTENCE} {SENTENCE.replace('o', 'a')} Number {number}" for number in range(3000)]
    assert near(texts).surplus == 2999


def test_texts_without_letters_and_short_ones_are_duplicates_only_of_themselves():
    assert groups_of(near(["…", "a", "!!!", "b", "…", "😀", "😭", "A.", ""])) == {(0, 4), (1, 7)}


@pytest.mark.parametrize("texts", [[], ["one"], ["\ud800", "\ud800 ", "two"]], ids=["none", "one", "surrogates"])
def test_few_and_broken_texts_are_no_special_case(texts):
    assert len(near(texts).of) == len(exact(texts).of) == len(texts)


def test_texts_on_disk_are_found_as_texts_in_memory():
    texts = [SENTENCE, VERSE, SENTENCE + "!", SENTENCE]
    assert near(Texts(texts)).of.tolist() == near(texts).of.tolist() == [0, 1, 0, 0]
    assert exact(Texts(texts)).of.tolist() == [0, 1, 2, 0]


def test_what_is_equal_is_grouped_under_the_first_of_it():
    keys = [bytes([key]) * 16 for key in np.random.default_rng(5).integers(0, 40, 300)]
    assert equal(iter(keys)).of.tolist() == [keys.index(key) for key in keys]
    assert equal([]).of.tolist() == []
    # One byte of difference anywhere is a difference.
    near_misses = [bytes(16), bytes(15) + b"\x01", b"\x01" + bytes(15), bytes(16)]
    assert equal(near_misses).of.tolist() == [0, 1, 2, 0]
