"""What a command imports. The same bars are timed in benchmarks/startup.py."""

from __future__ import annotations

import pytest

HEAVY = {"torch", "transformers", "numpy", "PIL"}
PLUGINS = {
    *("aigc_image", "aigc_text", "aigc_crossmodal", "aigc_transformers"),
    *("aigc_metrics", "aigc_processors", "aigc_filters"),
}


def roots(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize("command", [["--help"], ["--version"], ["generate", "--help"]], ids=" ".join)
def test_help_is_light(imported, command):
    modules = imported(*command)
    assert not roots(modules) & (HEAVY | PLUGINS)
    assert len(modules) <= 400


@pytest.mark.parametrize(
    "command",
    [
        ["models", "list"],
        ["generators", "list"],
        ["generators", "show", "image/gan"],
        ["generators", "show", "text/rnn"],
        ["filters", "list"],
        ["plugins", "list"],
        ["runs", "list"],
        ["config", "show"],
    ],
    ids=" ".join,
)
def test_listing_imports_no_torch(imported, command):
    assert not roots(imported(*command)) & {"torch", "transformers"}


def test_weightless_generator_needs_no_torch(imported, static):
    assert not roots(imported("generate", *static)) & {"torch", "transformers"}


@pytest.mark.parametrize(
    "words",
    [["-m", "digits-gan"], ["-m", "tang-rnn"], ["-m", "sentences-vae"], ["--modality", "image", "a panda"]],
    ids=" ".join,
)
def test_bundled_model_needs_no_transformers(imported, words):
    modules = roots(imported("generate", *words))
    assert "torch" in modules
    assert "transformers" not in modules
