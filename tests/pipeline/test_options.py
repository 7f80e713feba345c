"""What a person types becomes validated options."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from aigc_core import UsageError
from aigc_core.pipeline import parse_assignments, parse_step
from aigc_core.pipeline.options import validate


def test_values_stay_text_until_the_option_knows_its_type():
    assert parse_assignments(["label=7", "beta=0.5", "name=a=b"]) == {"label": "7", "beta": "0.5", "name": "a=b"}


def test_lists_objects_and_null_are_json():
    given = ['colours=["red","blue"]', "box=[1,2]", "none=null", 'more={"a": 1}']
    assert parse_assignments(given) == {"colours": ["red", "blue"], "box": [1, 2], "none": None, "more": {"a": 1}}


@pytest.mark.parametrize("text", ["true", "false", "7", "1e3", "nan", "[END]", "[/A] {", "{x}", '"quoted"', "。", " "])
def test_a_word_that_looks_like_something_else_stays_a_word(text):
    assert parse_assignments([f"stop={text}"]) == {"stop": text}


class Sampling(BaseModel, extra="forbid"):
    temperature: float = Field(1.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(64, ge=1)
    stop: tuple[str, ...] = ()
    echo: bool = False
    system: str = ""
    unbounded: float = 0.0


def typed(*texts):
    options, described = validate("text/rnn", Sampling, parse_assignments(texts))
    return {name: getattr(options, name) for name in parse_assignments(texts)}, described


def test_options_arrive_as_the_types_that_they_have():
    found, described = typed("temperature=0.8", "top_p=0.95", "max_tokens=200", "echo=true", "system=true")
    assert found == {"temperature": 0.8, "top_p": 0.95, "max_tokens": 200, "echo": True, "system": "true"}
    assert described["stop"] == []


@pytest.mark.parametrize(
    ("text", "stop"),
    [
        ("stop=。", ("。",)),
        ("stop=7", ("7",)),
        ('stop=["a","b"]', ("a", "b")),
        ('stop=["[END]"]', ("[END]",)),
        ("stop=[]", ()),
        ("stop=", ("",)),
    ],
)
def test_a_list_takes_one_text_alone_too(text, stop):
    assert typed(text)[0] == {"stop": stop}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("temperature=-1", "text/rnn: temperature: Input should be greater than or equal to 0, not '-1'"),
        ("temperature=nan", "text/rnn: temperature: Input should be greater than or equal to 0, not 'nan'"),
        ("temperature=inf", "text/rnn: temperature is inf"),
        ("unbounded=nan", "text/rnn: unbounded is nan"),
        ("unbounded=-inf", "text/rnn: unbounded is -inf"),
        ("top_p=nan", "text/rnn: top_p: "),
        ("max_tokens=2.5", "text/rnn: max_tokens: Input should be a valid integer"),
        ("max_tokens=many", "text/rnn: max_tokens: Input should be a valid integer"),
        ("temprature=1", "text/rnn has no option 'temprature' (did you mean 'temperature'?)"),
        ("stop=[a,b]", 'not \'[a,b]\' (a list is written as ["a","b"])'),
        ('stop=["a",2]', "text/rnn: stop.1: Input should be a valid string, not 2"),
        ("system=\udcff", "text/rnn: system holds half a character"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_words(text, message):
    with pytest.raises(UsageError) as caught:
        typed(text)
    assert message in str(caught.value)


def test_dots_make_nested_options():
    assert parse_step('template variables.animal="giant panda" variables.n=2') == (
        "template",
        {"variables": {"animal": "giant panda", "n": "2"}},
    )


@pytest.mark.parametrize("wrong", ["label", "=7", ""])
def test_what_is_no_assignment_is_refused(wrong):
    with pytest.raises(UsageError, match="not key=value"):
        parse_assignments([wrong])


def test_a_key_given_twice_is_refused():
    with pytest.raises(UsageError, match="given twice"):
        parse_assignments(["a=1", "a=2"])


def test_a_key_that_is_both_value_and_parent_is_refused():
    with pytest.raises(UsageError, match="already a value"):
        parse_assignments(["a=1", "a.b=2"])


@pytest.mark.parametrize("wrong", ["", "   ", "resize 'size=3"])
def test_what_is_no_step_is_refused(wrong):
    with pytest.raises(UsageError):
        parse_step(wrong)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(alphabet="abc =é猫 ", max_size=8)))
def test_plain_text_values_survive_whatever_they_are(options):
    assert parse_assignments([f"{key}={value}" for key, value in options.items()]) == options
