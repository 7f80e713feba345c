"""Example sentences out of WordNet's data files: what is quoted, and what counts as the same."""

from __future__ import annotations

from itertools import chain

import pytest

LINES = (
    "  1 This software and database is being provided to you, the LICENSEE, by  \n",
    '00002684 03 n 01 object 0 000 | a visible entity; "it was full of rackets, balls and other objects"  \n',
    '00811375 04 n 01 escape 0 000 | the act of escaping; "he made his  escape"; "`run!\' she said"  \n',
    "00001740 03 n 01 entity 0 000 | that which is perceived or known to have its own distinct existence  \n",
)


@pytest.fixture
def sentences(recipe):
    return recipe("sentences")


def test_examples_are_what_glosses_quote(sentences):
    assert list(sentences.quoted(LINES)) == [
        "it was full of rackets, balls and other objects",
        "he made his escape",
        "'run!' she said",
    ]


def test_of_sentences_that_differ_in_case_and_punctuation_the_first_is_kept(sentences):
    kept = sentences.distinct(["She sings.", "she sings", "they sing", "Scram!", "; "])
    assert list(kept.values()) == ["She sings.", "they sing"]


def test_parts_share_no_sentence_and_leave_none_out(sentences, monkeypatch):
    said = [f"{name} {verb} the {thing}" for name in ("he", "She") for verb in ("saw", "kept") for thing in "abcdefgh"]
    monkeypatch.setattr(sentences, "_sentences", lambda: sentences.distinct(said))
    parts = [list(sentences.load(part).texts) for part in ("train", "validation", "test")]
    assert sorted(chain.from_iterable(parts)) == sorted(said)
    assert all(parts)


def test_plain_sentences_have_common_words_alone(recipe, sentences, monkeypatch):
    plain = recipe("plain_sentences")
    said = [f"{name} {verb} the {thing}" for name in ("he", "She") for verb in ("saw", "kept") for thing in "abcdefgh"]
    rare = [*("he saw the zyzzyva", "she kept quiet"), f"he {'saw ' * 30}the a"]
    monkeypatch.setattr(sentences, "_sentences", lambda: sentences.distinct([*said, *rare]))
    monkeypatch.setattr(plain, "sentences", sentences)
    monkeypatch.setattr(plain, "COMMON", 13)
    plain.common.cache_clear()
    kept = list(chain.from_iterable(plain.load(part).texts for part in ("train", "validation", "test")))
    plain.common.cache_clear()
    assert sorted(kept) == sorted(said)
