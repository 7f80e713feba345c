from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_core import ItemError, Noise, Request, StepContext
from aigc_processors.clean import CleanOptions, clean

FAMILY = "👩\u200d❤️\u200d👨"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
PIECES = st.sampled_from(
    [
        *"ab <>&;/!-?é\x00\u0301\u200b\u200d\u3000＜ﬁ👩，",
        *("<b>", "</p>", "<br/>", "<cat-toy>", "</Toy>", "<script>", "</script>"),
        *("<!--", "-->", "<!", "<![", "<!doctype", "<?", "&lt;", "&amp;", "&#60;", "&gt"),
    ]
)


@pytest.mark.parametrize(
    ("pasted", "cleaned"),
    [
        ("<p>a <b>red</b> panda</p><p>in snow</p>", "a red panda in snow"),
        ("salt &amp; pepper &mdash; 100&nbsp;g", "salt & pepper — 100 g"),
        ("<style>p {color: red}</style>sea<script>if (a<b) steal()</script>", "sea"),
        ("sky<!-- a note > -->line<!DOCTYPE html><?xml?><script>never closed", "skyline"),
        ("twice &amp;lt;b&amp;gt;escaped&amp;lt;/b&amp;gt;", "twice escaped"),
        ("<\u200bb>hidden in a tag</b>", "hidden in a tag"),
    ],
)
def test_html_is_removed(run, pasted, cleaned):
    assert run("clean", pasted) == cleaned


@pytest.mark.parametrize(
    "prompt", ["I <3 pandas", "if a <b", "wow <!-- so", "<![if", "a <cat-toy> in ink <lora:ink:0.8>", "5 > 3 < 4"]
)
def test_angle_brackets_that_are_no_html_stay(run, prompt):
    assert run("clean", prompt) == prompt


def test_chinese_punctuation_stays_unless_compatibility_forms_are_asked_for(run):
    assert run("clean", "床前明月光，疑是地上霜！") == "床前明月光，疑是地上霜！"
    assert run("clean", "Ｐａｎｄａ，１２", form="NFKC") == "Panda,12"
    assert run("clean", "cafe\u0301") == "café"
    assert run("clean", "cafe\u200b\u0301") == "café"


def test_what_cannot_be_seen_is_dropped_but_emoji_and_spelling_stay(run):
    assert run("clean", "\ufeffpa\u200bn\xadda\x07\u202e") == "panda"
    assert run("clean", "ignore\U000e0041\U000e0042 this ") == "ignore this"
    for kept in (FAMILY, ENGLAND, "می\u200cخواهم", "क्\u200dष"):
        assert run("clean", kept) == kept


@pytest.mark.parametrize("off", [{}, {"control": "false"}])
def test_half_a_character_is_refused(run, off):
    with pytest.raises(ItemError, match=r"^a lone surrogate, which is no character$"):
        run("clean", "half an emoji: \ud83d", **off)


def test_whitespace_becomes_one_space(run):
    assert run("clean", " a\tred\r\n\n panda\u3000\xa0 ") == "a red panda"


def test_lines_stay_where_they_matter(run):
    verse = "\r\n 床前明月光，\u2028疑是地上霜。\t\n\n \n\n举头  望明月\n"
    assert run("clean", verse, whitespace="lines") == "床前明月光，\n疑是地上霜。\n\n举头 望明月"
    assert run("clean", "<h1>Title</h1><p>One<br>two</p>", whitespace="lines") == "Title\n\nOne\ntwo"


def test_tags_of_no_html_go_where_documents_are_cleaned(run):
    page = "<doc><o:p>Tom &amp; Jerry</o:p> <lora:ink:0.8> 3 < 4"
    assert run("clean", page) == "<doc><o:p>Tom & Jerry</o:p> <lora:ink:0.8> 3 < 4"
    assert run("clean", page, html="all") == "Tom & Jerry 3 < 4"


@pytest.mark.parametrize(
    ("off", "kept"),
    [
        ({"html": "false"}, "<b>é</b> x"),
        ({"form": "none"}, "e\u0301 x"),
        ({"control": "false"}, "é\u200b x"),
        ({"whitespace": "false"}, "é  x"),
    ],
)
def test_each_part_can_be_turned_off(run, off, kept):
    prompt = "<b>e\u0301\u200b</b>  x" if "control" in off else "<b>e\u0301</b>  x"

    assert run("clean", prompt, **off) == kept


def test_text_that_is_escaped_without_end_is_refused(run):
    with pytest.raises(ItemError, match="html=false"):
        run("clean", "&" + "amp;" * 100 + "lt;")


@settings(max_examples=300)
@given(
    pieces=st.lists(PIECES, max_size=12),
    form=st.sampled_from(["NFC", "NFKC", "NFD", "NFKD", "none"]),
    whitespace=st.sampled_from([True, False, "lines"]),
    html=st.sampled_from([True, "all"]),
)
def test_cleaning_twice_changes_nothing_more(pieces, form, whitespace, html):
    options = CleanOptions(form=form, whitespace=whitespace, html=html)
    context = StepContext(Request("image", 7), options, Noise(7, "pre/0"), lambda name, value: None)

    once = clean("".join(pieces), context)

    assert clean(once, context) == once
    assert form == "none" or unicodedata.is_normalized(form, once)
    assert "\x00" not in once and "<b>" not in once
