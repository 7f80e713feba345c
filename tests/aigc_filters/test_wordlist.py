from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

import aigc_filters
from aigc_core import FilterContext, Finding, Request, UsageError
from aigc_filters.folding import fold
from aigc_filters.wordlist import WordlistOptions, window, wordlist

# Letters whose folded form is longer, shorter, or joins its neighbours, next to plain and Chinese ones.
LETTERS = "aAbſßﬁ½ＡＢ㎏İ e\u0301\u0327\u200b\u00ad\ufe0f가\u1100\u1161\u11a8ｶﾞ毒药柜 \t.,_1"
TEXT = st.text(st.sampled_from(LETTERS), max_size=20)


def check(text: str, **options) -> list[Finding]:
    context = FilterContext("request", "prompt", Request("image", 7), WordlistOptions(**options))
    return wordlist(text, context)


def found(text: str, **options) -> list[str]:
    return [text[slice(*finding.span)] for finding in check(text, **options)]


def test_the_declaration_resolves():
    [spec] = aigc_filters.aigc_filters()

    assert (spec.name, spec.modality, spec.stages) == ("wordlist", "text", ("request", "artifact"))
    for reference in (spec.check, spec.options, spec.window):
        module, _, name = reference.partition(":")
        assert callable(getattr(import_module(module), name))


def test_without_lists_nothing_is_found():
    assert check("anything at all, 毒药") == []


def test_a_finding_says_what_and_where():
    [finding] = check("no Poison!", deny=["poison"])

    assert finding == Finding("wordlist", 1.0, "'poison' is on the deny list", span=(3, 9), replacement="******")


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("Essex and Sussex", []),
        ("sex, SEX and _sex_", ["sex", "SEX", "sex"]),
        ("sexes", []),
        ("sex2", []),
        ("我的sex猫", ["sex"]),
        ("SEX SHOP", ["SEX SHOP"]),
        ("sex shopping", ["sex"]),
        ("a sex", ["sex"]),
        ("sex\n\t shop", ["sex\n\t shop"]),
        ("ｓｅｘ", ["ｓｅｘ"]),
        ("s\u200be\u00adx", ["s\u200be\u00adx"]),
    ],
)
def test_english_is_found_at_word_boundaries(text, matches):
    assert found(text, deny=["sex", "sex shop"]) == matches


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("他有毒药。", ["毒药"]),
        ("毒\u200b药", ["毒\u200b药"]),
        ("AV女优们", ["AV女优"]),
        ("DAV女优", []),
        ("나쁜말을", ["나쁜말"]),
    ],
)
def test_chinese_is_found_anywhere(text, matches):
    assert found(text, deny=["毒药", "ＡＶ女优", "나쁜말"]) == matches


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("毒药柜", []),
        ("毒药柜里的毒药", ["毒药"]),
        ("Sex and the City", []),
        ("sex and the cities", ["sex"]),
        ("我们去sex公园", []),
        ("解毒药柜子", ["药柜子"]),
    ],
)
def test_what_an_allow_entry_covers_is_let_through(text, matches):
    deny = ["毒药", "sex", "药柜子"]

    assert found(text, deny=deny, allow=["毒药柜", "sex and the city", "sex公园"]) == matches


def test_accents_ligatures_and_sharp_s_are_folded_and_spans_stay_true():
    assert found("GRU\u0308N, ﬁsh, STRASSE", deny=["grün", "fish", "straße"]) == ["GRU\u0308N", "ﬁsh", "STRASSE"]


def test_capitals_can_be_told_apart():
    assert found("US and us", deny=["US"], case_sensitive=True) == ["US"]


def test_files_hold_one_entry_a_line():
    Path("deny.txt").write_text("\ufeff# 词表\r\n\r\n  bad word \r\n毒药\r\n", encoding="utf-8")
    Path("allow.txt").write_text("毒药柜\n", encoding="utf-8")
    files = {"deny_files": ["deny.txt"], "allow_files": ["allow.txt"]}

    assert found("a bad word: 毒药, 毒药柜", deny=["a"], **files) == ["a", "bad word", "毒药"]


def test_an_edited_file_takes_effect():
    deny = Path("deny.txt")
    deny.write_text("cat\n", encoding="utf-8")
    options = WordlistOptions(deny_files=[deny])
    context = FilterContext("request", "prompt", Request("image", 7), options)
    before = options.model_dump(mode="json")
    assert wordlist("a dog", context) == []

    deny.write_text("dog\n", encoding="utf-8")
    os.utime(deny, ns=(1, 1))  # the clock of a file system may be coarse

    assert len(wordlist("a dog", context)) == 1
    assert options.model_dump(mode="json") != before


def test_what_goes_into_the_recipe_holds_no_path():
    Path("deny.txt").write_text("cat\n", encoding="utf-8")
    Path("moved.txt").write_text("cat\n", encoding="utf-8")

    dumped = [WordlistOptions(deny_files=[name]).model_dump(mode="json") for name in ("deny.txt", "moved.txt")]

    assert dumped[0] == dumped[1]


@pytest.mark.parametrize(
    ("text", "undecided"),
    [
        (
            "nothing here yet",
            "thing here yet",
        ),  # 11, one on either side, and the last that may get an accent
        ("short", "short"),
        ("", ""),
        ("nothing h\u200b\u200be\u0301re    yet", "thing h\u200b\u200be\u0301re    yet"),  # counted as they are folded
        ("abcdefghijklmnﬁ", "bcdefghijklmnﬁ"),  # of two folded letters, both may still change
    ],
)
def test_the_window_covers_the_longest_entry_and_its_neighbours(text, undecided):
    options = WordlistOptions(deny=["cat"], allow=["\u200bcat flaps \u200b!"])
    assert text[len(text) - window(text, options) :] == undecided


def test_without_a_deny_list_nothing_is_undecided():
    assert window("anything at all", WordlistOptions(allow=["at all costs"])) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"deny": ["cat", " "]}, "deny, entry 2: the entry ' ' is empty"),
        ({"allow": ["\u200b"]}, "allow, entry 1: the entry .* is empty"),
        ({"deny_files": ["missing.txt"]}, "cannot read missing.txt: No such file or directory .check deny_files"),
        ({"deny_files": ["."]}, "cannot read .: Is a directory"),
        ({"deny_files": ["latin.txt"]}, "latin.txt, line 2: not UTF-8"),
        ({"allow_files": ["unseen.txt"]}, "unseen.txt, line 2: the entry .* is empty"),
    ],
)
def test_bad_lists_are_found_before_the_run(options, message):
    Path("latin.txt").write_bytes(b"cat\nros\xe9\n")
    Path("unseen.txt").write_text("cat\n\u200b\n", encoding="utf-8")

    with pytest.raises(UsageError, match=message):
        WordlistOptions(**options)


def test_unknown_options_are_refused():
    with pytest.raises(ValidationError, match="Extra inputs"):
        WordlistOptions(denied=["cat"])


@given(text=TEXT, entry=TEXT)
@example("x毒\u200b", "毒")
@example("", "a")
def test_spans_always_index_the_original_text(text, entry):
    if not fold(entry).text.strip():
        return
    previous = 0
    for finding in check(text, deny=[entry]):
        start, end = finding.span
        assert previous <= start < end <= len(text)
        assert fold(entry).text.strip() in fold(text[start:end]).text
        assert len(finding.replacement) == end - start
        previous = end


@given(before=TEXT, entry=TEXT, after=TEXT)
def test_an_entry_set_apart_by_punctuation_is_always_found(before, entry, after):
    entry = f"a{entry.strip()}"  # an accent at the start would join the punctuation
    start = len(before) + 1

    findings = check(f"{before}、{entry}、{after}", deny=[entry])

    assert any(finding.span[0] <= start < finding.span[1] for finding in findings)
