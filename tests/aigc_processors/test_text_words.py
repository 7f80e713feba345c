"""Steps that change texts word by word: stopwords, stem, simplified."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from aigc_core import ItemError, Noise, Request, StepContext, UsageError
from aigc_processors import chinese, words
from aigc_processors.words import StopwordsOptions, stopwords

PIECES = st.sampled_from([*" ,.!\n’'", *"的我山川，。", "the ", "It", "cat", "don't", " of ", "目的", "  "])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The cat sat on the mat, and it slept.", "cat sat mat, slept."),
        ("He didn’t see the light of day.", "see light day."),
        ("I do, too.\nNight falls.", "Night falls."),
        ("theory of isolated thermometers", "theory isolated thermometers"),
        ("他的目的是了解我们的城市，但是没有着急。", "目的了解城市，着急。"),
        ("用 Python 写的代码 is good", "Python 写代码 good"),
    ],
)
def test_stop_words_go_and_what_holds_them_stays(run, text, left):
    assert run("stopwords", text) == left


def test_stop_words_of_one_language_only(run):
    assert run("stopwords", "the cat 的目的", languages="en") == "cat 的目的"
    assert run("stopwords", "the cat 的目的", languages="zh") == "the cat 目的"
    with pytest.raises(ValidationError, match="'en' or 'zh'"):
        run("stopwords", "x", languages="en,tlh")


@pytest.mark.parametrize("text", ["the, of!", "我的", "…"])
def test_a_text_of_which_nothing_is_left_is_refused(run, text):
    with pytest.raises(ItemError, match=r"^stopwords: nothing is left$"):
        run("stopwords", text)


@settings(deadline=None)  # the first time, a dictionary is read
@given(st.lists(PIECES, max_size=12).map("".join))
def test_stop_words_are_gone_at_once(text):
    context = StepContext(Request("text", 7), StopwordsOptions(), Noise(7, "pre/0"), lambda name, value: None)
    try:
        left = stopwords(text, context)
    except ItemError:
        return
    assert stopwords(left, context) == left


def test_stems_are_those_of_snowball(run):
    # From the vocabulary that Snowball is tested with.
    assert run("stem", "Ponies were running, generously!") == "poni were run, generous!"
    assert run("stem", "Die Häuser der Städte", language="german") == "die haus der stadt"
    assert run("stem", "春眠不觉晓 cats") == "春眠不觉晓 cat"


def test_an_unknown_stemmer_is_refused_and_the_known_ones_are_named(run):
    with pytest.raises(UsageError, match=r"'klingon' .*there is: arabic, .*english"):
        run("stem", "x", language="klingon")


def test_traditional_characters_become_simplified_ones_word_by_word(run):
    assert run("simplified", "牀前明月光，舉頭望明月。") == "床前明月光，举头望明月。"
    assert run("simplified", "乾燥的乾坤；頭髮；皇后在後面") == "干燥的乾坤；头发；皇后在后面"
    assert run("simplified", "滑鼠", usage="tw2sp") == "鼠标"
    assert run("simplified", "a 床前") == "a 床前"


@pytest.mark.parametrize(
    ("package", "cached", "step", "text"),
    [
        ("rjieba", words._segmenter, "stopwords", "目的"),
        ("snowballstemmer", words._stemmer, "stem", "cats"),
        ("opencc", chinese._converter, "simplified", "後"),
    ],
)
def test_what_is_not_installed_is_named(run, monkeypatch, package, cached, step, text):
    monkeypatch.setitem(sys.modules, package, None)
    cached.cache_clear()
    with pytest.raises(UsageError, match=rf"{package}.*pip install 'aigc-core\[text\]'"):
        run(step, text)
