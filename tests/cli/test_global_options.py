"""Options that stand before the command, and those that may stand on both sides of it."""

from __future__ import annotations

import pytest

import aigc_core
from aigc_core import PluginError


def test_version(aigc):
    assert aigc("--version").out == f"aigc {aigc_core.__version__}\n"


@pytest.mark.parametrize("words", [["-h"], ["--help"]])
def test_help_lists_every_command(aigc, words):
    out = aigc(*words).out
    for command in (
        "generate",
        "train",
        "evaluate",
        "compare",
        "inspect",
        "replay",
        "doctor",
        "models",
        "generators",
        "plugins",
        "filters",
        "runs",
        "config",
    ):
        assert command in out


@pytest.mark.parametrize("group", ["models", "generators", "plugins", "filters", "runs", "config"])
def test_group_without_a_command_shows_its_help(aigc, group):
    said = aigc(group, code=2)
    assert "Usage: aigc" in said.out + said.err


def test_plugin_file_before_or_after_the_command(aigc, studio):
    for words in (["--plugin", studio, "generators", "list"], ["generators", "list", "--plugin", studio]):
        assert "studio/noise" in aigc(*words).out


@pytest.mark.parametrize("word", ["hello", "no", "no:", ":hello", "yes:hello"])
def test_plugin_selection_that_is_none(aigc, word):
    assert f"-p {word!r} is not no:NAME" in aigc("-p", word, "models", "list", code=2).err


def test_plugins_left_out_are_listed_as_disabled(aigc):
    rows = aigc("-p", "no:processors", "-p", "no:filters", "plugins", "list", "--json").json
    assert {row["plugin"] for row in rows if row["status"] == "disabled"} == {"processors", "filters"}


def test_safe_still_takes_the_file_that_was_named(aigc, studio):
    assert "studio/noise" in aigc("--safe", "--plugin", studio, "generators", "list").out


def test_one_plugin_file_named_twice(aigc, studio):
    """Once in the configuration and once by hand is a likely mistake, and a harmless one."""
    said = aigc("--plugin", studio, "generators", "list", "--plugin", studio)
    assert said.out.count("studio/noise") == 1


def test_debug_lets_the_error_through(studio):
    from aigc_core.cli import main

    with pytest.raises(PluginError):
        main(["--debug", "--plugin", "nosuch.py", "models", "list"])


def test_no_arguments_at_all_show_the_help_line_by_line(aigc):
    for words in ((), ("models",)):
        shown = aigc(*words, code=2).err
        assert shown.startswith("Usage: aigc")
        assert len(shown.splitlines()) > 5
