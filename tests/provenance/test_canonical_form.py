from __future__ import annotations

import json
import math
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aigc_core.errors import UsageError
from aigc_core.provenance import Envelope, canonical, content_digest, recipe_id, seal

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def typed(value):
    """Values that JSON keeps apart and Python calls equal: 1, 1.0 and True; 0.0 and -0.0."""
    match value:
        case dict():
            return frozenset((key, typed(inner)) for key, inner in value.items())
        case list():
            return tuple(typed(inner) for inner in value)
        case float():
            return ("float", repr(value))
    return (type(value).__name__, value)


@given(VALUES)
def test_what_is_written_reads_back_the_same(value):
    assert typed(json.loads(canonical(value))) == typed(value)


@given(st.dictionaries(TEXT, VALUES, max_size=6), st.randoms())
def test_the_order_of_keys_does_not_matter(value, random):
    keys = list(value)
    random.shuffle(keys)
    assert canonical({key: value[key] for key in keys}) == canonical(value)


@given(VALUES, VALUES)
def test_distinct_values_have_distinct_bytes(one, other):
    assert (canonical(one) == canonical(other)) == (typed(one) == typed(other))


def test_the_form_is_pinned():
    value = {"z": [1, 1.0, True, None, -0.0, 1e-7], "a": "数字 \u2028 🐈 \n", "é": (0.1,), "空": MappingProxyType({})}
    text = '{"a":"数字 \u2028 🐈 \\n","z":[1,1.0,true,null,-0.0,1e-07],"é":[0.1],"空":{}}'
    assert canonical(value) == text.encode()


def test_the_id_of_a_recipe_is_pinned(recipe):
    # By `jq -cSj . recipe.json | sha256sum`. Another number would make every id ever written wrong:
    # raise `format` instead.
    assert recipe_id(recipe) == "4c1c5be6a11762e662c7dcd2b624d0e93798489b226c157b30a3dfe441e3959f"


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"options": {"beta": math.nan}}, "options.beta is nan"),
        ({"options": [1, math.inf]}, r"options\[1\] is inf"),
        ({"options": {1: "x"}}, "options has the key 1, which is no string"),
        ({"options": {None: "x"}}, "the key None"),
        ({"prompt": "half \ud83d"}, "prompt holds half a character"),
        ({"half \udc00": 1}, "lone surrogate"),
        ({"post": [{"options": {"size": np.int64(3)}}]}, r"post\[0\].options.size is a int64"),
        ({"fine": [1.5, True, ["x"]], "data": b"bytes"}, "data is a bytes"),
        ({"tags": {"a", "b"}}, "tags is a set"),
        (math.nan, "the value is nan"),
        ({"n": 10**5000}, "cannot be written"),
    ],
)
def test_what_json_cannot_carry_is_refused_with_its_place(value, where):
    with pytest.raises(UsageError, match=where):
        canonical(value)


def test_cycles_and_endless_nesting_are_refused():
    cycle: list[object] = []
    cycle += [cycle, cycle]
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    around: dict[str, object] = {}
    around["self"] = around
    for value in (cycle, deep, around):
        with pytest.raises(UsageError, match="nested more than 32 levels"):
            canonical(value)


def test_a_picture_is_known_by_its_mode_size_and_pixels(digit):
    seen = {
        content_digest(digit),
        content_digest(digit.convert("RGB")),
        content_digest(digit.transpose(Image.Transpose.FLIP_TOP_BOTTOM)),
        content_digest(Image.frombytes("L", (14, 56), digit.tobytes())),
    }
    assert len(seen) == 4
    assert content_digest(digit.copy()) == content_digest(digit)


def test_a_palette_belongs_to_the_picture():
    red, blue = (Image.new("P", (2, 2)) for _ in range(2))
    red.putpalette([255, 0, 0])
    blue.putpalette([0, 0, 255])
    assert content_digest(red) != content_digest(blue)


def test_a_text_is_known_by_its_utf8():
    # printf 'digit: 七' | sha256sum
    assert content_digest("digit: 七") == "10b3ed05e76fc5bf1ed9822498160a57f25174d67022f38392aa3f749a1ce132"
    with pytest.raises(UsageError, match="position 2"):
        content_digest("ab\ud800")


def test_an_edited_recipe_is_not_intact(recipe, digit):
    sealed = seal(recipe, digit)
    assert sealed.intact
    edited = Envelope({**recipe, "seed": 8}, sealed.recipe_id, sealed.digest, sealed.environment)
    assert not edited.intact
