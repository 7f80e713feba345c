"""``import aigc_core`` is cheap, and every public name is there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import aigc_core


@pytest.mark.parametrize("name", aigc_core.__all__)
def test_every_public_name_can_be_had(name):
    assert getattr(aigc_core, name) is not None


def test_type_checkers_see_the_same_names_as_python_does():
    tree = ast.parse(Path(aigc_core.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(aigc_core.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'generat'"):
        _ = aigc_core.generat


@pytest.mark.parametrize("statement", ["import aigc_core", "from aigc_core import hookimpl, GeneratorSpec, Final"])
def test_importing_costs_no_torch_and_no_plugin(statement):
    heavy = ("torch", "transformers", "numpy", "PIL", "aigc_image", "aigc_text", "aigc_filters", "aigc_processors")
    code = f"{statement}; import sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
