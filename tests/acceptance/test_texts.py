"""Texts with the installed program: prompts from stdin, streams, terminals, files, replay."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

#: Writes a word at a time: draws of its own, or from one text towards another; and waits where it is told to.
POET = """
import os
import threading
from pathlib import Path

from pydantic import BaseModel, Field

from aigc_core import Final, GeneratorSpec, Partial, hookimpl

WORDS = ("moon", "river", "frost", "pine", "crane", "snow", "wind", "hill")


class Options(BaseModel, extra="forbid"):
    words: int = Field(6, ge=1, le=200)
    temperature: float = Field(1.0, ge=0)
    stop: tuple[str, ...] = ()
    ending: str = ""
    wait_for: str = ""


class Poet:
    def generate(self, items):
        for index, item in enumerate(items):
            text = item.prompt or ""
            for word in self.words(item):
                if word in item.options.stop:
                    break
                text = f"{text} {word}".strip()
                yield Partial(index, text)
                while item.options.wait_for and not Path(item.options.wait_for).exists():
                    threading.Event().wait(0.01)
            yield Final(index, text + item.options.ending)

    def words(self, item):
        if item.between is not None:
            like, towards = (item.inputs[name].split() for name in ("like", "towards"))
            turned = round(item.between * len(towards))
            return [*towards[:turned], *like[turned:]]
        drawn = (item.noise.gumbel((item.options.words, len(WORDS))) * item.options.temperature).argmax(axis=1)
        return [WORDS[place] for place in drawn]


@hookimpl
def aigc_generators():
    return [
        GeneratorSpec(
            "acme/poet", "text", lambda model: Poet(), options=Options, needs_model=False, prompt="optional",
            inputs={"like": "text", "towards": "text"},
        )
    ]
"""


@pytest.fixture
def poet(write_plugin):
    """The options that load ``acme/poet`` and choose it."""
    return ["--plugin", str(write_plugin("poet", POET)), "-m", "acme/poet"]


@pytest.fixture
def at_a_terminal(aigc):
    """Run a command whose stdout is a terminal; return what reached it, as text."""

    def run(*arguments, code=0):
        screen, terminal = os.openpty()
        process = aigc.start(*arguments, stdout=terminal, env={"TERM": "xterm", "COLUMNS": "80"})
        os.close(terminal)
        shown = b""
        while True:
            try:
                piece = os.read(screen, 65_536)
            except OSError:  # Linux says so where the other end is closed
                break
            if not piece:
                break
            shown += piece
        os.close(screen)
        assert aigc.end(process).code == code
        return shown.decode().replace("\r\n", "\n")

    return run


def test_a_prompt_is_read_from_stdin_for_a_dash(aigc, poet):
    process = aigc.start("generate", *poet, "-", "--seed", "3", "--stream", stdin=subprocess.PIPE)
    out, err = process.communicate("床前明月光\n", timeout=240)
    assert process.returncode == 0, err
    assert out.startswith("床前明月光 ")
    (file,) = (aigc.folder / "aigc-output").glob("*.txt")
    assert file.read_text(encoding="utf-8") + "\n" == out


def test_a_stdin_that_never_ends_holds_nothing_up(aigc, poet):
    with aigc.start("generate", *poet, "--seed", "3", "--stream", stdin=subprocess.PIPE) as process:
        assert process.wait(timeout=240) == 0
        assert process.stdout.read().count(" ") == 5


@pytest.mark.parametrize("content", [b"", b"caf\xe9", b"\xff\xfe\x00"])
def test_a_stdin_that_is_no_text_is_refused(aigc, poet, files, content):
    (aigc.folder / "prompt").write_bytes(content)
    with (aigc.folder / "prompt").open() as stdin:
        ran = aigc("generate", *poet, "-", code=2, stdin=stdin)
    assert "on stdin" in ran.err
    assert files() == ["prompt"]


def test_a_prompt_that_is_no_utf8_is_refused_before_anything_is_made(aigc, poet, files):
    ran = aigc("generate", *poet, os.fsdecode(b"caf\xe9"), code=2)
    assert "the prompt holds half a character" in ran.err
    assert files() == []


def test_a_stream_comes_while_the_text_is_written(aigc, poet):
    arguments = [*poet, "the", "--seed", "3", "--set", "wait_for=go"]
    process = aigc.start("generate", *arguments, "--stream")
    first = process.stdout.read(len("the "))
    assert first == "the "
    assert process.poll() is None, "it waits, and the first word is here"
    (aigc.folder / "go").touch()
    ran = aigc.end(process)
    assert (first + ran.out).count(" ") == 6


def test_a_stream_of_events_comes_line_by_line(aigc, poet):
    process = aigc.start("generate", *poet, "the", "--seed", "3", "--set", "wait_for=go", "--stream", "--json")
    started, word = (json.loads(process.stdout.readline()) for _ in range(2))
    assert (started["event"], word["event"], word["delta"][:4]) == ("started", "text", "the ")
    (aigc.folder / "go").touch()
    lines = [json.loads(line) for line in aigc.end(process).out.splitlines()]
    assert [line["event"] for line in lines[-2:]] == ["created", "finished"]
    text = lines[-2]["text"]
    assert word["delta"] + "".join(line["delta"] for line in lines[:-2]) == text
    assert (aigc.folder / lines[-2]["file"]).read_text() == text


def test_a_text_is_shown_on_a_terminal(at_a_terminal, poet):
    shown = at_a_terminal("generate", *poet, "the", "-n", "2", "--seed", "3", "--set", "temperature=0")
    assert shown.count("the moon moon moon moon moon moon\n") == 2
    assert "seed 3" in shown
    assert "seed 4" in shown


def test_a_text_is_streamed_to_a_terminal(at_a_terminal, poet):
    shown = at_a_terminal("generate", *poet, "the", "--seed", "3", "--set", "temperature=0", "--stream")
    assert shown == "the moon moon moon moon moon moon\n"


@pytest.mark.parametrize("how", [[], ["--stream"], ["--json"], ["--stream", "--json"]], ids=" ".join)
def test_no_text_steers_a_terminal(aigc, at_a_terminal, poet, how):
    """A title is set, the screen is cleared, a line overwritten: all of it is spelt instead."""
    ending = "\x1b]0;owned\x07\x1b[2J\r\x9b31m\x7f\b\b"
    shown = at_a_terminal("generate", *poet, "the", "--seed", "3", "--set", f"ending={ending}", *how)
    for control in ("\x1b]0", "\x1b[2J", "\x9b", "\x7f", "\b", "\x07", "\r"):
        assert control not in shown
    assert "owned" in shown
    (file,) = (aigc.folder / "aigc-output").glob("*.txt")
    assert file.read_bytes().decode().endswith(ending), "in its file it is as it was made"
    assert "\x1b]0" not in at_a_terminal("inspect", f"aigc-output/{file.name}")


def test_rows_and_documents_hold_the_text(aigc, poet):
    arguments = ["generate", *poet, "two\nlines", "--seed", "3", "--set", "temperature=0", "--set", "words=1"]
    (row,) = aigc(*arguments).table
    assert row["text"] == "two\\nlines moon"
    assert aigc(*arguments, "--json").json["items"][0]["text"] == "two\nlines moon"


def test_options_arrive_as_what_they_are(aigc, poet):
    options = ["--set", "temperature=0", "--set", "words=200", "--set", "stop=moon"]
    assert aigc("generate", *poet, "the", "--seed", "3", *options, "--stream").out == "the\n"
    for wrong in ("temperature=-1", "temperature=nan", "temperature=inf", "words=2.5", "words=0", "stop=[moon"):
        ran = aigc("generate", *poet, "the", "--set", wrong, code=2)
        assert len(ran.complaints) == 1
        assert ran.err.startswith(f"aigc: acme/poet: {wrong.partition('=')[0]}")


def test_a_text_is_inspected_and_replayed(aigc, poet):
    file = aigc("generate", *poet, "the", "--seed", "3", "--json").json["items"][0]["file"]
    described = aigc("inspect", file, "--json").json
    assert (described["recipe"]["prompt"], described["recipe"]["modality"]) == ("the", "text")
    assert described["content_unchanged"]
    assert aigc(*poet[:2], "replay", file).out == "IDENTICAL\n"
    path = aigc.folder / file
    path.write_text(path.read_text() + "!")
    ran = aigc(*poet[:2], "replay", file, code=6)
    assert ran.out == "DIFFERENT\n"
    assert "the text was changed" in ran.err


def test_from_one_text_to_another_and_each_step_again(aigc, poet):
    (aigc.folder / "a.txt").write_text("the moon is bright\n")
    way = ["--interpolate", "@a.txt", "a ferry goes by", "--frames", "3", "--seed", "5"]
    told = aigc("generate", *poet, *way, "--json").json
    assert [item["text"] for item in told["items"]] == ["the moon is bright", "a ferry is bright", "a ferry goes by"]
    assert [item["between"] for item in told["items"]] == [0.0, 0.5, 1.0]
    assert (told["film"], told["sheet"]) == (None, None)
    middle = told["items"][1]["file"]
    assert aigc("inspect", middle, "--json").json["recipe"]["between"] == 0.5
    assert "an input" in aigc(*poet[:2], "replay", middle, code=2).err
    given = ["--input", "a.txt", "--input", "a ferry goes by"]
    assert aigc(*poet[:2], "replay", middle, *given).out == "IDENTICAL\n"


def test_steps_are_listed_on_a_terminal(at_a_terminal, poet):
    shown = at_a_terminal("generate", *poet, "--interpolate", "the moon", "a ferry", "--frames", "3", "--seed", "5")
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert [line for line in lines if line[:1].isdigit()] == ["0 the moon", "0.5 a moon", "1 a ferry"]


def test_a_stream_holds_back_what_moderation_has_not_judged(aigc, poet):
    """The wordlist knows how long its longest entry is; the word it looks for is never there, not even half of it."""
    (aigc.folder / "aigc.toml").write_text('[filters.wordlist]\ndeny = ["poison ivy"]\n')
    arguments = ["generate", *poet, "--interpolate", "a cup of poison ivy for you", "a glass of milk for you my dear"]
    ran = aigc(*arguments, "--frames", "2", "--seed", "5", "--stream", code=3)
    assert ran.out == "", "the text to start from is a request, and not allowed"
    ran = aigc("generate", *poet, "a quiet cup of", "--seed", "5", "--set", "ending= poison ivy", "--stream", code=3)
    assert "on the deny list" in ran.err
    assert ran.out == ""


def test_a_text_that_turns_bad_stops_before_it_does_and_is_not_kept(aigc, poet, write_plugin, files):
    """The ending comes from the generator itself, so the request is allowed."""
    plugin = write_plugin("bad", POET.replace('"acme/poet"', '"acme/bad"').replace('"frost"', '"poison"'))
    (aigc.folder / "aigc.toml").write_text('[filters.wordlist]\ndeny = ["poison"]\n')
    arguments = ["--plugin", plugin, "generate", "-m", "acme/bad", "once", "--set", "words=60", "--stream"]
    ran = aigc(*arguments, "--seed", "2", code=3)
    assert ran.out.startswith("once ")
    assert "poison" not in ran.out
    assert not ran.out.rstrip("\n").endswith(("p", "po", "poi", "pois", "poiso"))
    assert "what was shown of item 0 is not kept" in ran.err
    assert "item 0 (seed 2) blocked: wordlist: 'poison' is on the deny list" in ran.err
    assert files() == ["aigc.toml"]
