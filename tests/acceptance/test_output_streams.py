"""stdout is data, stderr is talk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

#: Prints wherever a plugin can.
CHATTY = """
import sys

from aigc_core import Final, FilterSpec, GeneratorSpec, SelectorSpec, StepSpec, hookimpl

print("on import")
sys.stdout.write("on import, too\\n")

class Chatty:
    def __init__(self, model):
        print("made")

    def generate(self, items):
        from PIL import Image
        print("generating")
        for index, item in enumerate(items):
            yield Final(index, Image.fromarray((item.noise.uniform((20, 20)) * 255).astype("uint8")))

def step(content, context):
    print("step")
    return content

def check(content, context):
    print("filter")
    return []

def select(request, candidates, context):
    print("selector")
    return 0

@hookimpl
def aigc_generators():
    print("declaring")
    return [GeneratorSpec("chatty/chatty", "image", Chatty, needs_model=False)]

@hookimpl
def aigc_postprocessors():
    return [StepSpec("chatty/step", "image", step)]

@hookimpl
def aigc_filters():
    return [FilterSpec("chatty/filter", "image", check)]

@hookimpl
def aigc_selectors():
    return [SelectorSpec("chatty/select", select)]

@hookimpl
def aigc_run_started(event):
    print("started")

@hookimpl
def aigc_artifact_created(event):
    print("created")

@hookimpl
def aigc_run_finished(event):
    print("finished")
"""


@pytest.fixture
def chatty(site, aigc):
    site.install("chatty", CHATTY)
    aigc.install(site.path)


@pytest.mark.parametrize(
    "command",
    [
        ["models", "list"],
        ["generators", "list"],
        ["generators", "show", "chatty/chatty"],
        ["filters", "list"],
        ["plugins", "list"],
        ["plugins", "check"],
        ["runs", "list"],
        ["config", "show"],
        ["config", "show", "--origin"],
        ["doctor"],
        [
            *["generate", "-m", "chatty/chatty", "--seed", "1", "-n", "2", "--post", "chatty/step"],
            *["--candidates", "2", "--select", "chatty/select", "--grid"],
        ],
    ],
    ids=" ".join,
)
def test_json_parses_whatever_a_plugin_prints(aigc, chatty, command):
    json.loads(aigc(*command, "--json").out)


def test_what_a_plugin_prints_is_not_lost(aigc, chatty):
    ran = aigc("generate", "-m", "chatty/chatty", "--seed", "1", "--post", "chatty/step")
    assert len(ran.table) == 1
    for said in ("on import", "declaring", "generating", "step", "filter", "started", "created", "finished"):
        assert said in ran.err


def test_replay_prints_its_answer_and_nothing_else(aigc, chatty):
    aigc("generate", "-m", "chatty/chatty", "--seed", "1", "--post", "chatty/step", "-o", "out")
    assert aigc("replay", "out/chatty-chatty-1.png").out == "IDENTICAL\n"


def test_piped_tables_are_tab_separated(aigc, static):
    ran = aigc("generate", *static, "-n", "3", "--seed", "1")
    assert ran.out.splitlines()[0] == "file\tseed"
    assert [line.count("\t") for line in ran.out.splitlines()] == [1] * 4
    assert "3 made with acme/static" in ran.err
    assert "\x1b" not in ran.out + ran.err, "no colours where nobody looks"


def test_broken_plugin_does_not_spoil_json(aigc, site):
    site.install("sick", "print('hello')\nraise RuntimeError('ill')\n")
    aigc.install(site.path)
    ran = aigc("models", "list", "--json")
    assert isinstance(ran.json, list)
    assert "plugin sick 1.0 is broken" in ran.err


def test_full_stdout_is_an_error_in_words(aigc, static):
    with Path("/dev/full").open("w") as full:
        process = aigc.start("generators", "list", "--json", stdout=full)
        ran = aigc.end(process)
    assert ran.code == 1
    assert len(ran.complaints) == 1


def test_debug_shows_the_traceback(aigc):
    process = aigc.start("--debug", "models", "show", "nosuch")
    with process:
        _, err = process.communicate()
    assert process.returncode != 0
    assert "Traceback" in err
    assert "unknown model 'nosuch'" in err


def test_unicode_survives_a_poor_locale(aigc, static):
    ran = aigc("generate", *static, "一只猫", "--seed", "1", "--json", env={"LANG": "C", "LC_ALL": "C"})
    file = ran.json["items"][0]["file"]
    assert aigc("inspect", file, "--json").json["recipe"]["prompt"] == "一只猫"
    aigc("inspect", file, env={"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"})
