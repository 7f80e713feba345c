"""Text that is read while it is written passes moderation, too: what is found is never seen, not even in part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core import FilterSpec, Finding, PluginError, Request
from aigc_core.moderation import Moderator, ReadyFilter, StreamGate
from aigc_core.registry.discovery import Plugin
from aigc_filters.wordlist import WordlistOptions, window, wordlist

REQUEST = Request("text", 7)
HERE = Plugin("acme", "1.0", "file", "acme.py")


def ready(check, reach, options=None) -> ReadyFilter:
    """A filter of texts with the window `reach`."""
    return ReadyFilter(FilterSpec("acme/look", "text", check), HERE, check, options, None, reach)


def gate(*filters: ReadyFilter) -> StreamGate:
    return StreamGate(Moderator(filters), REQUEST)


def wordlist_gate(**lists) -> StreamGate:
    options = WordlistOptions(**lists)
    return gate(ready(wordlist, window, options))


def let_out(gate: StreamGate, *texts: str) -> list[str]:
    """Return what is out after each text so far."""
    shown = []
    for text in texts:
        gate.advance(text)
        shown.append(gate.out)
    return shown


def letter_by_letter(text: str) -> list[str]:
    return [text[: count + 1] for count in range(len(text))]


def test_without_filters_all_is_let_out_at_once():
    assert let_out(gate(), "a", "a b") == ["a", "a b"]


def test_without_a_deny_list_nothing_is_held_back():
    assert let_out(wordlist_gate(), "a", "a b") == ["a", "a b"]


def test_text_is_held_back_by_the_window():
    nothing = ready(lambda text, context: [], 3)
    assert let_out(gate(nothing), "a", "abcd", "abcdefg") == ["", "a", "abcd"]


def test_the_largest_window_counts():
    small, large = (ready(lambda text, context: [], reach) for reach in (1, 4))
    assert let_out(gate(small, large), "abcdef") == ["ab"]


def test_a_denied_word_is_never_seen_in_part():
    shown = let_out(wordlist_gate(deny=["poison"]), *letter_by_letter("a cup of poison for you, my dear"))
    assert shown[-1] == "a cup of"[: len(shown[-1])]
    assert len(shown[-1]) >= len("a cup")


def test_a_word_that_goes_on_to_be_another_is_let_out():
    text = "a catalogue of things to see"
    shown = let_out(wordlist_gate(deny=["cat"]), *letter_by_letter(text))
    assert "a catalogue of things" in shown[-1]


def test_a_word_that_turns_out_to_be_allowed_is_let_out():
    shown = let_out(wordlist_gate(deny=["毒药"], allow=["毒药柜"]), *letter_by_letter("一个毒药柜放在那里已经很久"))
    assert shown[-1].startswith("一个毒药柜")


def test_unseen_characters_within_a_word_do_not_let_it_slip():
    """Counted as they stand, there are more of them than any fixed window has."""
    text = "drink po" + "\u200b" * 500 + "ison now and then"
    assert "po" not in let_out(wordlist_gate(deny=["poison"]), *letter_by_letter(text))[-1]


def test_what_follows_a_finding_stays_inside_for_good():
    looked = []
    finds = ready(lambda text, context: looked.append(text) or [Finding("x", 1.0, "x", span=(2, 3))], 1)
    shut = gate(finds)
    let_out(shut, "abcdef", "abcdefgh", "abcdefghij")
    assert shut.out == ""
    assert len(looked) == 1, "it is decided: nobody has to look again"


def test_a_weak_finding_holds_nothing_back():
    assert let_out(gate(ready(lambda text, context: [Finding("x", 0.4, "x", span=(0, 1))], 1)), "abc") == ["ab"]


def test_a_finding_that_says_not_where_holds_all_back():
    assert let_out(gate(ready(lambda text, context: [Finding("x", 1.0, "x")], 1)), "abc", "abcd") == ["", ""]


def test_a_filter_that_fails_closes_the_gate():
    calls = []

    def failing(text, context):
        calls.append(text)
        raise OSError("the list is gone")

    assert let_out(gate(ready(failing, 1)), "abc", "abcd", "abcde") == ["", "", ""]
    assert len(calls) == 1


def test_each_filter_looks_at_what_is_new_and_a_window_before_it():
    looked = []
    spy = gate(ready(lambda text, context: looked.append(text) or [], 3))
    let_out(spy, *letter_by_letter("abcdefghijklmnop"))
    assert max(map(len, looked)) <= 3 + 3 + 1
    assert looked[-1].endswith("nop")


def test_text_that_is_taken_back_is_an_error():
    shown = gate()
    shown.advance("a moon")
    with pytest.raises(ValueError, match="took back text"):
        shown.advance("a sun rises")


@pytest.mark.parametrize("wrong", [-1, 2.5, None, "3", True])
def test_a_window_that_is_no_number_names_the_filter(wrong):
    with pytest.raises(PluginError, match=r"'acme/look' \(plugin acme 1.0\): its window is .*, not a number"):
        gate(ready(lambda text, context: [], lambda text, options: wrong)).advance("abc")


def test_a_window_that_raises_names_the_filter():
    with pytest.raises(PluginError, match=r"'acme/look'.*ZeroDivisionError"):
        gate(ready(lambda text, context: [], lambda text, options: 1 // 0)).advance("abc")


LETTERS = st.sampled_from("abAﬁ½e\u0301\u200b毒药柜ｶﾞ가 \t.,")
WORDS = st.text(LETTERS, min_size=1, max_size=4)


@given(text=st.text(LETTERS, max_size=40), deny=WORDS, allow=WORDS, stride=st.integers(1, 7))
def test_a_wordlist_lets_out_all_that_is_clean_and_nothing_that_is_not(text, deny, allow, stride):
    from aigc_filters.folding import fold

    if not fold(deny).text.strip() or not fold(allow).text.strip():
        return
    shown = wordlist_gate(deny=[deny], allow=[allow])
    for end in range(0, len(text) + stride, stride):
        shown.advance(text[:end])
    options = WordlistOptions(deny=[deny], allow=[allow])
    findings = Moderator([ready(wordlist, window, options)]).check("artifact", [("c", "text", text)], REQUEST).findings
    if findings:
        assert len(shown.out) <= findings[0].finding.span[0], "not even its first letter"
    else:
        assert shown.out == text[: len(text) - window(text, options)], "all but what is undecided"
