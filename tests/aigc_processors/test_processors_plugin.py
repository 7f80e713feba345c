from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
from pydantic import ValidationError

import aigc_processors

SPECS = [*aigc_processors.aigc_preprocessors(), *aigc_processors.aigc_postprocessors()]


def resolve(reference):
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)


def test_the_steps_of_the_design_are_declared():
    assert [spec.name for spec in SPECS] == [
        *("clean", "template", "length", "language", "simplified", "stopwords", "stem"),
        *("crop", "resize", "upscale", "adjust", "background", "blur", "median", "sharpen"),
        *("whole-sentences", "detokenise"),
    ]
    (selector,) = aigc_processors.aigc_selectors()
    assert selector.name == "text/best" and callable(resolve(selector.selector))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_step_can_be_imported_and_explains_its_options(spec):
    assert callable(resolve(spec.step)) and spec.summary
    for name, field in resolve(spec.options).model_fields.items():
        assert field.description, f"{spec.name} {name} has no description"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_unknown_options_are_refused(spec):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        resolve(spec.options)(colour_of_the_sky="blue")


def test_listing_the_plugins_imports_nothing_heavy():
    code = (
        "import sys, aigc_processors, aigc_filters;"
        "aigc_processors.aigc_preprocessors(), aigc_processors.aigc_postprocessors(), aigc_filters.aigc_filters();"
        "print({'numpy', 'PIL', 'torch', 'pydantic'} & set(sys.modules))"
    )
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert listed.stdout.strip() == "set()"
