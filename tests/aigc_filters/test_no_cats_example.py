"""The one-file plugin of the documentation, loaded from its file."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from aigc_core import FilterContext, Request

EXAMPLE = Path(__file__).parents[2] / "examples" / "no_cats.py"


@pytest.mark.parametrize(
    ("prompt", "cats"),
    [
        ("a Cat and two cats", ["Cat", "cats"]),
        ("一只cat，一只猫", ["cat", "猫"]),
        ("a category of concatenated dogs", []),
    ],
)
def test_cats_are_found(prompt, cats):
    spec = importlib.util.spec_from_file_location("no_cats", EXAMPLE)
    plugin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plugin)
    [declared] = plugin.aigc_filters()

    findings = declared.check(prompt, FilterContext("request", "prompt", Request("image", 7), None))

    assert [prompt[slice(*finding.span)] for finding in findings] == cats
