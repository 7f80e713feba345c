"""What a person types becomes validated options."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core import UsageError
from aigc_core.pipeline import parse_assignments, parse_step


def test_values_stay_text_until_the_option_knows_its_type():
    assert parse_assignments(["label=7", "beta=0.5", "name=a=b"]) == {"label": "7", "beta": "0.5", "name": "a=b"}


def test_lists_booleans_and_null_are_json():
    given = ['colours=["red","blue"]', "grey=false", "box=[1,2]", "none=null"]
    assert parse_assignments(given) == {"colours": ["red", "blue"], "grey": False, "box": [1, 2], "none": None}


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
