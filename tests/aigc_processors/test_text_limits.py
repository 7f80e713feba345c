"""Steps that let a text through, or refuse it: length, language."""

from __future__ import annotations

import sys

import pytest
from pydantic import ValidationError

from aigc_core import ItemError, UsageError
from aigc_processors import languages

QUATRAIN = "床前明月光，疑是地上霜。"
TEXTS = {
    "zh": [QUATRAIN, "她学会了 Python。", "吃"],
    "ja": ["お茶を飲みながら本を読む。", "東京は大きい"],
    "ko": ["오늘은 날씨가 좋다"],
    "el": ["Η γάτα κοιμάται"],
    "ru": ["Привет, как дела? Сегодня хорошая погода."],
    "en": ["red apples", "She choked with emotion when she spoke about her husband", "a large grey cat"],
    "de": ["Der Hund ist groß und schläft den ganzen Tag.", "Wo ist die Straße?"],
    "fr": ["Le chat noir dort sous la table."],
    "es": ["Buenos días, ¿dónde está la biblioteca?"],
}


def test_a_text_of_the_right_length_stays_as_it_is(run):
    assert run("length", "  seven!! ", min="7", max="7") == "  seven!! "
    assert run("length", QUATRAIN, max="12") == QUATRAIN


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("", {}, "length: shorter than 1 characters"),
        (" \n ", {}, "length: shorter than 1 characters"),
        ("short", {"min": "20"}, "length: shorter than 20 characters"),
        ("x" * 1001, {"max": "1000"}, "length: longer than 1,000 characters"),
    ],
)
def test_others_are_refused_with_a_reason_that_many_share(run, text, options, reason):
    with pytest.raises(ItemError) as error:
        run("length", text, **options)
    assert error.value.message == reason


def test_impossible_lengths_are_refused_at_once(run):
    with pytest.raises(ValidationError, match="nothing is at least 9 and at most 3"):
        run("length", "x", min="9", max="3")


@pytest.mark.parametrize("spoken", TEXTS)
def test_texts_are_known_by_their_language(run, spoken):
    for text in TEXTS[spoken]:
        assert run("language", text, only=spoken) == text
        assert run("language", text, only=f"th,{spoken}") == text
        with pytest.raises(ItemError) as error:
            run("language", text, only="th,pl" if spoken != "zh" else "ja,en")
        assert error.value.message == ("language: not th or pl" if spoken != "zh" else "language: not ja or en")


def test_what_has_no_letters_is_in_no_language(run):
    for text in ("", "12:30", "😀!"):
        with pytest.raises(ItemError, match="language: no letters"):
            run("language", text, only="en")


def test_an_unknown_language_is_refused_and_the_known_ones_are_named(run):
    with pytest.raises(ValidationError, match=r"'xx' is none that can be told apart; there is: ar, be, .*zh"):
        run("language", "x", only="en,xx")


def test_chinese_is_told_by_its_script_alone(run, monkeypatch):
    """So that nothing has to be installed for it; only between languages of one script py3langid decides."""
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    languages._identifier.cache_clear()
    assert run("language", QUATRAIN, only="zh") == QUATRAIN
    with pytest.raises(ItemError, match="not zh"):
        run("language", "a large grey cat", only="zh")
    with pytest.raises(UsageError, match="aigc-core\\[text\\]"):
        run("language", "a large grey cat", only="en")
