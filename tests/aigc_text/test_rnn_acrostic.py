"""Acrostics: what lines begin with is forced, and never fails for a character that the model knows."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_core import TextData, UsageError
from aigc_text.rnn.acrostic import Acrostic
from aigc_text.rnn.options import LINE_ENDS
from aigc_text.streaming import Stream
from aigc_text.tokenizer import Tokenizer


def lines(text, ends=LINE_ENDS):
    return [line for line in re.split(f"[{re.escape(ends)}]+", text) if line]


def test_each_line_of_a_poem_begins_as_asked(poet, items, write):
    for text in write(poet, items(6, acrostic="春风明月")):
        assert [line[0] for line in lines(text)[:4]] == list("春风明月")


@given(data=st.data())
@settings(max_examples=12)
def test_no_character_that_the_model_knows_ever_fails(poet, items, write, data):
    known = [piece.decode() for piece in poet.tokenizer.pieces[3:]]
    wanted = "".join(
        data.draw(st.lists(st.sampled_from([each for each in known if each not in LINE_ENDS]), min_size=1, max_size=7))
    )
    options = data.draw(
        st.sampled_from([{}, {"top_k": 1}, {"temperature": 0.0}, {"top_p": 0.01}, {"temperature": 30.0}])
    )
    (text,) = write(poet, items(1, seed=data.draw(st.integers(0, 99)), acrostic=wanted, **options))
    assert [line[0] for line in lines(text)[: len(wanted)]] == list(wanted)


def test_the_end_of_a_text_waits_for_all_lines(poet, items, write):
    (text,) = write(poet, items(1, acrostic="春风明月" * 4, max_tokens=400))
    assert "".join(line[0] for line in lines(text)[:16]) == "春风明月" * 4


def test_lines_that_would_never_end_are_ended(poet, items, write):
    (text,) = write(poet, items(1, acrostic="春风明月", temperature=100.0, max_tokens=30))
    assert [line[0] for line in lines(text)[:4]] == list("春风明月")
    assert len(text) <= 30


def test_lines_go_on_after_a_prompt(poet, items, write):
    (begun,) = write(poet, items(1, "春眠不觉", acrostic="风月", temperature=0.5))
    assert begun.startswith("春眠不觉")
    assert [line[0] for line in lines(begun)[1:3]] == list("风月")
    (ended,) = write(poet, items(1, "春眠不觉，", acrostic="风月", temperature=0.5))
    assert [line[0] for line in lines(ended)[1:3]] == list("风月")


def test_letters_begin_english_lines_in_either_case(learn, items, write):
    hymn = ["And the sea is wide\nand the sky is grey\nso the birds go home\nat the end of day\n"] * 8
    component = learn(TextData(hymn), 60, vocabulary=300)
    for text in write(component, items(4, acrostic="Grasp it", max_tokens=200)):
        found = lines(text, "\n")[:7]
        assert "".join(line[0] for line in found).lower() == "graspit"
        assert any(len(line) > 3 for line in found)


def test_characters_of_several_bytes_are_written_by_byte_pairs(preacher, items, write):
    (text,) = write(preacher, items(1, acrostic="é床🙂z", max_tokens=120))
    assert [line[0].lower() for line in lines(text)[:4]] == list("é床🙂z")


def test_a_character_that_the_model_does_not_know_is_named(poet, items):
    with pytest.raises(UsageError, match="'龘'"):
        list(poet.generate(items(1, acrostic="春龘")))


def test_more_lines_than_there_is_room_for_are_refused(poet, items):
    with pytest.raises(UsageError, match="--set max_tokens"):
        list(poet.generate(items(1, acrostic="春风明月", max_tokens=7)))


def test_a_model_without_ends_of_lines_is_told_what_ends_one(poet, items, write):
    with pytest.raises(UsageError, match="--set line_ends"):
        list(poet.generate(items(1, acrostic="春风", line_ends="|")))
    (text,) = write(poet, items(1, acrostic="春风", line_ends="人", max_tokens=100))
    assert [line[0] for line in lines(text, "人")[:2]] == list("春风")


def test_white_space_between_the_characters_is_no_line(poet, items, write):
    spaced, plain = (write(poet, items(1, acrostic=asked)) for asked in ("春 风\n", "春风"))
    assert spaced == plain


def test_what_stands_between_two_lines_is_the_models_own():
    tokenizer = Tokenizer.train(["ab。\n”"], kind="character", size=9)
    acrostic = Acrostic("ab", LINE_ENDS, "", tokenizer, 50)
    stream = Stream(tokenizer, (), 50)

    def next_token(wanted):
        (choice,) = tokenizer.encode(wanted)
        mask = acrostic.allowed(stream, choice)
        token = choice if mask is None or mask[choice] else int(mask.argmax())
        before = stream.text
        stream.take(token)
        acrostic.took(before, stream)

    for wanted in "bb。”\n\n\n\nabb":
        next_token(wanted)
    assert stream.text == "ab。”\n\nb\nabb"  # no more than three tokens between two lines
    assert acrostic.done
