"""Steps over texts that were made, and the selector: whole-sentences, detokenise, text/best."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core import Candidate, ItemError, Noise, Request, StepContext
from aigc_processors.best import best
from aigc_processors.detokenise import DetokeniseOptions, detokenise
from aigc_processors.sentences import WholeSentencesOptions, whole_sentences

TOKENS = [*" ,.;:!?\"'()[]-%$5aB我的，。“”「…\n\t@", "n't", "'s", "``", "''", " - ", "@-@", "Dr.", "-LRB-", "  "]


def context_for(options):
    return StepContext(Request("text", 7), options, Noise(7, "post/0/0"), lambda name, value: None)


@pytest.mark.parametrize(
    ("made", "whole"),
    [
        ("He left. She was about to", "He left."),
        ("Really?! Yes... And the", "Really?! Yes..."),
        ("It was 3.14 at example.com. Then", "It was 3.14 at example.com."),
        ("She called Dr. Smith. He and Mr.", "She called Dr. Smith."),
        ("It was George W. Bush! He", "It was George W. Bush!"),
        ("Here. We met at 5 a.m. and then", "Here."),
        ("We go for plan B. And", "We go for plan B."),
        ("床前明月光，疑是地上霜。举头望", "床前明月光，疑是地上霜。"),
        ("是吗？是！好的", "是吗？是！"),
        ("他想……然后", "他想……然后"),
    ],
)
def test_an_unfinished_sentence_is_cut_off(run, made, whole):
    assert run("whole-sentences", made) == whole


@pytest.mark.parametrize(
    ("made", "whole"),
    [
        ('"I am here." He', '"I am here."'),
        ('"I am here. And then', '"I am here."'),
        ("他说：“我来了。你好吗", "他说：“我来了。”"),
        ("「他说『好。』然后", "「他说『好。』」"),
        ("Stop! (I mean it. Really", "Stop! (I mean it.)"),
        ("He said “it’s mine. And", "He said “it’s mine.”"),
        ("‘I don’t know. But", "‘I don’t know.’"),
        ("The dogs’ tails. And", "The dogs’ tails."),
    ],
)
def test_quotes_are_closed(run, made, whole):
    assert run("whole-sentences", made) == whole


def test_quotes_stay_open_where_that_is_wanted(run):
    assert run("whole-sentences", '"I am here. And', close="false") == '"I am here.'


def test_what_was_cut_is_recorded_and_a_text_without_a_sentence_stays(run):
    assert run("whole-sentences", "Yes. No and so ") == "Yes."
    assert run.recorded == {"dropped": 10}
    assert run("whole-sentences", "no end here") == "no end here"
    assert run("whole-sentences", "All of it.\n") == "All of it."
    assert run.recorded == {}


@given(st.lists(st.sampled_from(TOKENS), max_size=14).map("".join))
def test_whole_sentences_are_whole(made):
    once = whole_sentences(made, context_for(WholeSentencesOptions()))
    assert whole_sentences(once, context_for(WholeSentencesOptions())) == once


@pytest.mark.parametrize(
    ("tokens", "written"),
    [
        ('he said , " i do n\'t know . "', 'he said, "i don\'t know."'),
        ("`` Yes , '' she said ; it 's 5 % ( or so ) .", '"Yes," she said; it\'s 5% (or so).'),
        ('It cost $ 5 . " Why ? " he asked . " No " .', 'It cost $5. "Why?" he asked. "No".'),
        ("-LRB- see -RRB- , [ 1 ] : wow ! ! !", "(see), [1]: wow!!!"),
        ("a state @-@ of @-@ the @-@ art thing", "a state-of-the-art thing"),
        ("a state - of - the - art thing -- not 3 - 2", "a state-of-the-art thing -- not 3 - 2"),
        ("床 前 明 月 光 ， 疑 是 地 上 霜 。", "床前明月光，疑是地上霜。"),
        ("他 说 ： “ 用 Python 写 。 ”", "他说：“用 Python 写。”"),
        ('one " two\nthree " four " .', 'one "two\nthree "four".'),
    ],
)
def test_spaces_of_a_tokenizer_are_removed(run, tokens, written):
    assert run("detokenise", tokens) == written


def test_hyphens_stay_apart_where_that_is_wanted(run):
    assert run("detokenise", "he came - and left .", hyphens="false") == "he came - and left."


@pytest.mark.parametrize(
    "written", ["It's 5% (or so), isn't it?", "床前明月光，疑是地上霜。", "a: b -- c…", "3 - 2 = 1"]
)
def test_a_text_as_people_write_it_stays(run, written):
    assert run("detokenise", written) == written


@given(st.lists(st.sampled_from(TOKENS), max_size=14).map("".join))
def test_nothing_but_spaces_and_marks_of_tokenizers_goes(tokens):
    def bare(text):
        for mark, sign in (("-LRB-", "("), ("''", '"'), ("``", '"'), ("@-@", "-"), ("@", "")):
            text = text.replace(mark, sign)
        return re.sub(r"[ \t]", "", text)

    once = detokenise(tokens, context_for(DetokeniseOptions()))
    assert detokenise(once, context_for(DetokeniseOptions())) == once
    assert bare(once) == bare(bare(tokens))


def candidates(*scores):
    return [Candidate(f"text {number}", {"log_likelihood": score}) for number, score in enumerate(scores)]


def test_the_likeliest_text_is_kept_and_of_equal_ones_the_first():
    request, context = Request("text", 7), context_for(None)
    assert best(request, candidates(-3.5, -1.25, -2.0), context) == 1
    assert best(request, candidates(-2.0, -1.25, -1.25), context) == 1
    assert best(request, candidates(-math.inf, -9.0), context) == 1


@pytest.mark.parametrize("scores", [{}, {"log_likelihood": math.nan}, {"sharpness": 1.0}])
def test_a_generator_that_says_nothing_of_likelihood_is_named_as_the_reason(scores):
    told = [*candidates(-1.0), Candidate("text", scores)]
    with pytest.raises(ItemError, match="does not say how likely"):
        best(Request("text", 7), told, context_for(None))
