from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aigc_core import Noise, Request, StepContext, UsageError
from aigc_processors.template import TemplateOptions, template

PLAIN = st.text(st.characters(exclude_characters="{}|_:"), max_size=5)
TEMPLATES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(lambda sides: "{ " + "|".join(sides) + "}"),
        st.lists(inner, max_size=3).map("".join),
    ),
    max_leaves=12,
)


@pytest.fixture
def wildcards() -> Path:
    folder = Path("wildcards")
    (folder / "garden").mkdir(parents=True)
    (folder / "flower.txt").write_text("# flowers\nrose\n\n  lily  \n{red|white} tulip\n", encoding="utf-8")
    (folder / "garden" / "tree.txt").write_text("\ufeff柳树\n", encoding="utf-8")
    return folder


def test_variables_are_filled_in_literally(run):
    filled = run("template", "a {animal} of {n}", variables={"animal": "{red|blue} __panda__", "n": 3})

    assert filled == "a {red|blue} __panda__ of 3"


def test_a_choice_is_one_of_its_alternatives_and_all_are_drawn(run):
    counted = Counter(run("template", "{a|b|{c|d}|}", seed=seed) for seed in range(400))

    assert set(counted) == {"a", "b", "c", "d", ""}
    assert 60 < counted["a"] < 140 and 60 < counted["c"] + counted["d"] < 140


def test_weights_shift_the_draw(run):
    counted = Counter(run("template", "{3::red|blue|0::never}", seed=seed) for seed in range(400))

    assert set(counted) == {"red", "blue"} and 250 < counted["red"] < 350


def test_doubled_braces_are_braces(run):
    assert run("template", "{{a}} {b|{b|b}} a|b") == "{a} b a|b"


def test_a_wildcard_is_a_line_of_its_file(run, wildcards):
    drawn = {run("template", "a __flower__", seed=seed, wildcards=wildcards) for seed in range(60)}

    assert drawn == {"a rose", "a lily", "a red tulip", "a white tulip"}
    assert run("template", "__garden/tree__", wildcards=wildcards) == "柳树"


def test_template_and_choices_are_recorded_in_order(run, wildcards):
    filled = run("template", "{big|big} __garden/tree__, {{x}}", wildcards=wildcards)

    assert filled == "big 柳树, {x}"
    assert run.recorded["template"] == "{big|big} __garden/tree__, {{x}}"
    assert run.recorded["choices"] == [
        {"from": "{big|big}", "took": "big"},
        {"from": "__garden/tree__", "took": "柳树"},
    ]
    assert list(run.recorded["wildcards"]) == ["garden/tree"]


def test_the_recipe_holds_no_path():
    assert TemplateOptions(wildcards="/home/me").model_dump(mode="json") == {"variables": {}}


def test_an_edited_file_is_read_again(run, wildcards):
    tree = wildcards / "garden" / "tree.txt"
    assert run("template", "__garden/tree__", wildcards=wildcards) == "柳树"

    tree.write_text("an old oak", encoding="utf-8")

    assert run("template", "__garden/tree__", wildcards=wildcards) == "an old oak"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a {b|c", r"'\{' is never closed, at character 3 of the template"),
        ("a {b|{c|d}", r"'\{' is never closed, at character 3"),
        ("a } b", r"'\}' closes nothing, at character 3"),
        ("{{a|b}|c}", r"closes nothing, at character 6 .* works as '\{c\|\{a\|b\}\}'"),
        ("{}", r"\{\} is neither a variable nor a choice, at character 1"),
        ("{red car}", r"\{red car\} is neither"),
        ("a {anmial}", r"unknown variable \{anmial\} at character 3 of the template \(did you mean \{animal\}\?\)"),
        ("{size}", r"set it: --pre \"template variables.size=…\""),
        ("{0::a|0::b}", "all weights"),
        ("{-1::a|b}", "'-1' is no weight, at character 2"),
        ("{1.2.3::a|b}", "is no weight"),
        ("{a|" * 40 + "b" + "}" * 40, "braces nest more than 32 deep"),
        ("__flower__", "needs a folder of wildcards"),
    ],
)
def test_what_is_wrong_with_a_template_is_said_with_its_place(run, source, message):
    with pytest.raises(UsageError, match=message):
        run("template", source, variables={"animal": "panda"})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("__flowr__", r"names no file in wildcards \(did you mean __flower__\?\)"),
        ("__zzz__", r"there is: __empty__, __flower__, __garden/tree__, __latin__, __loop__"),
        ("__empty__", "holds no lines to draw from"),
        ("__latin__", "latin.txt, line 2, is not UTF-8"),
        ("__torn__", r"'\{' is never closed, at character 3 of line 2 of torn.txt"),
        ("__loop__", "does a file name itself"),
        ("__bush__", "does a file name itself"),
    ],
)
def test_what_is_wrong_with_a_wildcard_is_said(run, wildcards, source, message):
    (wildcards / "empty.txt").write_text("# nothing\n\n", encoding="utf-8")
    (wildcards / "latin.txt").write_bytes(b"ok\nros\xe9\n")
    (wildcards / "loop.txt").write_text("a __loop__", encoding="utf-8")
    if "torn" in source:
        (wildcards / "torn.txt").write_text("# torn\na {b|c", encoding="utf-8")
    if "bush" in source:
        (wildcards / "bush.txt").write_text("__bush____bush__|" * 50, encoding="utf-8")

    with pytest.raises(UsageError, match=message):
        run("template", source, wildcards=wildcards)


def test_wildcards_cannot_leave_their_folder(run, wildcards):
    Path("secret.txt").write_text("secret", encoding="utf-8")
    (wildcards / "link.txt").symlink_to(Path("secret.txt").resolve())

    assert run("template", "__../secret__", wildcards=wildcards) == "__../secret__"
    for source in ("__/secret__", "__link__"):
        with pytest.raises(UsageError, match="names no file"):
            run("template", source, wildcards=wildcards)


def test_a_folder_that_is_not_there(run):
    with pytest.raises(UsageError, match="there is no such folder"):
        run("template", "__flower__", wildcards="nowhere")
    Path("bare").mkdir()
    with pytest.raises(UsageError, match=r"holds no \.txt file"):
        run("template", "__flower__", wildcards="bare")


def test_unknown_options_are_refused():
    with pytest.raises(ValidationError):
        TemplateOptions(wildcard="w")


@given(source=TEMPLATES, seed=st.integers(0, 2**63 - 1))
def test_the_same_seed_gives_the_same_text_and_record(source, seed):
    def fill():
        recorded = {}
        context = StepContext(Request("image", seed), TemplateOptions(), Noise(seed, "pre/0"), recorded.__setitem__)
        return template(source, context), recorded

    filled, recorded = fill()

    assert (filled, recorded) == fill()
    assert recorded["template"] == source
    assert not set(filled) & set("{|}")
