from __future__ import annotations

import json
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_core.errors import FileError
from aigc_core.provenance import parse


@pytest.fixture
def written(envelope):
    return json.loads(json.dumps(envelope.as_json() | {"environment": dict(envelope.environment)}))


def changed(written, place, value):
    """A copy of the envelope with one field set, or taken away where `value` is `...`."""
    made = deepcopy(written)
    *path, last = place.split(".")
    inner = made
    for key in path:
        inner = inner[int(key) if key.isdigit() else key]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(made).encode()


SELECTION = {
    "selector": "match",
    "plugin": "crossmodal",
    "version": "1",
    "options": {},
    "record": {},
    "candidates": 4,
    "kept": 3,
}


def test_what_the_pipeline_writes_is_accepted(written, envelope):
    assert parse(json.dumps(written).encode()) == envelope
    for place, value in {
        "recipe.model": None,
        "recipe.selection": SELECTION,
        "recipe.prompt": "七 🐈",
        "recipe.inputs": {"source": "c" * 64},
        "recipe.generator.name": "acme/style-gan",
        "recipe.model.name": "My model v1.2 数字",
        "recipe.options": {"size": [1, 2.5, {"deep": [None, True]}]},
        "recipe.condition": {"kind": "vector", "value": [0.5, -1.0], "drawn": False},
        "recipe.seed": 2**63 - 1,
    }.items():
        parse(changed(written, place, value))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("recipe.seed", "7"),
        ("recipe.seed", 7.0),
        ("recipe.seed", True),
        ("recipe.seed", -1),
        ("recipe.seed", 2**63),
        ("recipe.seed", ...),
        ("recipe.format", 0),
        ("recipe.format", "1"),
        ("recipe.prompt", 7),
        ("recipe.prompt", "x" * 200_001),
        ("recipe.extra", 1),
        ("recipe.inputs", {"source": "/etc/passwd"}),
        ("recipe.inputs", {"../source": "c" * 64}),
        ("recipe.condition.kind", "file"),
        ("recipe.condition.drawn", 1),
        ("recipe.model.micro_batch", 10**9),
        ("recipe.model.micro_batch", 0),
        ("recipe.model.precision", "float32; rm"),
        ("recipe.model.files", {"../x": "c" * 64}),
        ("recipe.model.files", {"x": "C" * 64}),
        ("recipe.model.files", {"x": "c" * 64 + "\n"}),
        ("recipe.pre", [1]),
        ("recipe.pre", {}),
        ("recipe.post.0.options", {"a": {"b": 1}, "c": 10**400}),
        ("recipe.post.0.record", []),
        ("recipe.moderation.policy", "x"),
        ("recipe.moderation.verdict", "fine"),
        ("recipe.moderation.filters", [{"name": "wordlist"}]),
        ("recipe.selection", SELECTION | {"candidates": 10_001}),
        ("recipe.selection", SELECTION | {"candidates": 10**9}),
        ("recipe.selection", SELECTION | {"kept": 4}),
        ("recipe.selection", SELECTION | {"kept": -1}),
        ("recipe_id", "x"),
        ("digest", None),
        ("digest", ...),
        ("environment", {"python": 3}),
        ("environment", {str(n): "x" for n in range(51)}),
        ("more", 1),
    ],
)
def test_a_wrong_field_is_named(written, place, value):
    if place == "recipe.post.0.options":
        parse(changed(written, place, value))  # large integers and nesting are fine in options
        return
    with pytest.raises(FileError, match=place.removeprefix("recipe.").split(".0")[0]):
        parse(changed(written, place, value))


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd", "../secret", "a/../b", "a/b/c", "a//b", "a/", "..", ".", "./a", "..\\x", "a\\b", "C:\\x", "C:x",
        "~/x", "~root", "\\\\host\\share", "", " ", "a/ b", "x\n", "\x1b[31mred", "a\0b", "x" * 201, "file:///x",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "place",
    ["recipe.model.name", "recipe.generator.name", "recipe.post.0.step", "recipe.generator.plugin", "recipe.modality"],
)
def test_a_name_that_could_be_a_path_is_refused(written, place, name):
    with pytest.raises(FileError, match=place.removeprefix("recipe.")) as caught:
        parse(changed(written, place, name))
    assert str(caught.value).isprintable()


def test_names_from_the_file_cannot_write_on_the_terminal(written):
    with pytest.raises(FileError) as caught:
        parse(changed(written, "recipe.options", {"\x1b[2J": {"half": "\ud800"}}))
    assert str(caught.value).isprintable()
    with pytest.raises(FileError) as caught:
        parse(json.dumps({"\x1b[2J" * 99: 1}).encode())
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"recipe": {"format": 4}}', "format 4.*knows 1 to 3.*update aigc-core"),
        ('{"recipe": {}, "recipe": {}}', "a key stands twice"),
        ('{"recipe": NaN}', "NaN is no number"),
        ('{"recipe": -Infinity}', "Infinity is no number"),
        ('{"recipe": 1e999}', "too large a number"),
        ("1" * 5000, "limit"),
        ("[" * 5000, "nested too deep"),
        (" " * 1_000_001, "1,000,001 bytes"),
        ("\ufeff{}", "not valid JSON"),
        ("", "not valid JSON"),
    ],
)
def test_json_that_is_none_or_too_much_is_refused(text, reason):
    with pytest.raises(FileError, match=reason):
        parse(text.encode())


BETWEEN = {"a": 3, "b": 9, "t": 0.5}


def between(written, **changes):
    """The envelope of an item between two seeds, with changes."""
    made = deepcopy(written)
    del made["recipe"]["seed"]
    made["recipe"] |= {"format": 2, "noise": BETWEEN, **changes}
    return json.dumps(made).encode()


def test_a_recipe_of_format_2_has_noise_instead_of_a_seed(written):
    assert parse(between(written)).recipe["noise"] == BETWEEN
    for t in (0.0, 1.0, 1):
        parse(between(written, noise={"a": 0, "b": 2**63 - 1, "t": t}))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seed": 7}, "format 2 has no seed"),
        ({"seed": None}, "format 2 has no seed"),
        ({"noise": None}, "format 2 has to say its noise"),
        ({"format": 1}, "format 1 has to say its seed"),
        ({"format": 1, "seed": 7}, "format 1 has no noise"),
        ({"format": 1, "seed": 7, "noise": None}, "format 1 has no noise"),
        ({"noise": {"a": 3, "b": 9}}, "noise.t"),
        ({"noise": BETWEEN | {"t": 1.01}}, "noise.t"),
        ({"noise": BETWEEN | {"t": -0.1}}, "noise.t"),
        ({"noise": BETWEEN | {"t": "0.5"}}, "noise.t"),
        ({"noise": BETWEEN | {"a": -1}}, "noise.a"),
        ({"noise": BETWEEN | {"b": 2**63}}, "noise.b"),
        ({"noise": BETWEEN | {"c": 1}}, "noise.c"),
    ],
)
def test_wrong_noise_is_refused(written, changes, reason):
    with pytest.raises(FileError, match=reason):
        parse(between(written, **changes))


def towards(written, **changes):
    """The envelope of an item between two inputs, with changes."""
    inputs = {"like": "c" * 64, "towards": "d" * 64}
    made = deepcopy(written)
    made["recipe"] |= {"format": 3, "between": 0.5, "inputs": inputs, **changes}
    return json.dumps(made).encode()


def test_a_recipe_of_format_3_lies_between_two_inputs(written):
    for t in (0.0, 0.5, 1.0):
        assert parse(towards(written, between=t)).recipe["between"] == t


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"between": None}, "format 3 has to say its between"),
        ({"seed": None}, "format 3 has to say its seed"),
        ({"noise": BETWEEN}, "format 3 has no noise"),
        ({"format": 1}, "format 1 has no between"),
        ({"inputs": {"like": "c" * 64}}, "between the inputs like and towards"),
        ({"between": 1.5}, "between: "),
        ({"between": -0.5}, "between: "),
        ({"between": "0.5"}, "between: "),
    ],
)
def test_a_wrong_place_between_two_inputs_is_refused(written, changes, reason):
    with pytest.raises(FileError, match=reason):
        parse(towards(written, **changes))


@pytest.mark.parametrize("levels", [33, 200, 900])
def test_deep_options_are_refused(written, levels):
    deep: object = 1
    for _ in range(levels):
        deep = [deep]
    with pytest.raises(FileError, match="nested more than 32 levels"):
        parse(changed(written, "recipe.options", {"x": deep}))


def test_half_characters_are_refused(written):
    with pytest.raises(FileError, match="prompt holds half a character"):
        parse(changed(written, "recipe.prompt", "\ud800"))
    with pytest.raises(FileError, match="x holds half a character"):
        parse(changed(written, "recipe.options", {"x": "\ud800"}))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_rubbish_is_refused_and_never_crashes(data):
    with pytest.raises(FileError):
        parse(data)
