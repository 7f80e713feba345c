"""Errors say what failed and what to type next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core import AigcError, BlockedError, FileError, ItemError, ModelError, PluginError, UsageError
from aigc_core.errors import near_miss, unknown

NAMES = ["digits-gan", "digits-vae", "image/gan", "resize"]


@pytest.mark.parametrize(
    "typed, meant",
    [
        ("digits-gna", "digits-gan"),
        ("Resize", "resize"),
        ("vae", "digits-vae"),
        ("image/gann", "image/gan"),
        ("qqq", None),
    ],
)
def test_a_near_miss_is_what_was_meant(typed, meant):
    assert near_miss(typed, NAMES) == meant


@given(st.text(max_size=20), st.lists(st.text(min_size=1, max_size=20), max_size=10))
def test_a_near_miss_is_one_of_the_known_names_or_none(typed, known):
    assert near_miss(typed, known) in [None, *known]


def test_an_unknown_name_leads_to_the_near_miss_or_the_list():
    assert str(unknown("model", "digits-gam", NAMES)) == "unknown model 'digits-gam' (did you mean 'digits-gan'?)"
    assert unknown("model", "qqq", NAMES, listing="aigc models list").hint == "see: aigc models list"
    assert unknown("model", "qqq", NAMES).hint == "there is: digits-gan, digits-vae, image/gan, resize"
    assert unknown("selector", "qqq", []).hint == "there is no selector at all"


def test_each_error_has_the_exit_code_of_its_kind():
    codes = {
        kind: kind("x").exit_code for kind in (AigcError, FileError, UsageError, BlockedError, ModelError, PluginError)
    }
    assert list(codes.values()) == [1, 1, 2, 3, 4, 4]
    assert ItemError("x").exit_code == 5


def test_an_error_is_one_line_with_its_hint():
    assert str(FileError("the disk is full", hint="make room")) == "the disk is full (make room)"
    assert str(FileError("the disk is full")) == "the disk is full"
