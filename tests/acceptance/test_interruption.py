"""Ctrl-C and kill -9: what is finished stays, the ledger says what happened, and one can go on."""

from __future__ import annotations

import os
import re
import signal

import pytest
from PIL import Image

#: Draws noise until item 103, where it says so and waits, for ever. Not if STOP is unset.
STOPPING = """
import os, signal
from pathlib import Path

from aigc_core import Final, GeneratorSpec, hookimpl

class Stopping:
    def generate(self, items):
        from PIL import Image
        for index, item in enumerate(items):
            if item.noise.seed == 103 and "STOP" in os.environ:
                Path(os.environ["STOP"]).touch()
                while True:
                    signal.pause()
            yield Final(index, Image.fromarray((item.noise.uniform((20, 20)) * 255).astype("uint8")))

@hookimpl
def aigc_generators():
    return [GeneratorSpec("acme/stopping", "image", lambda model: Stopping(), needs_model=False)]
"""


@pytest.fixture
def stopped(aigc, write_plugin, tmp_path):
    """A run of ten items that stands still at the fourth, and the command it was started with."""
    command = ["--plugin", write_plugin("stopping", STOPPING), "generate", "-m", "acme/stopping", "-o", "out"]
    marker = tmp_path / "stopped"
    process = aigc.start(*command, "--seed", "100", "-n", "10", env={"STOP": str(marker)})
    aigc.wait_for(marker.exists, process)
    yield process, command
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_interrupted_run_keeps_what_is_finished_and_says_how_to_go_on(aigc, stopped, files, how):
    process, command = stopped
    process.send_signal(how)
    ran = aigc.end(process)
    assert ran.code == 130
    assert files() == [f"out/acme-stopping-{seed}.png" for seed in (100, 101, 102)]
    for name in files():
        with Image.open(aigc.folder / name) as picture:
            picture.load()

    (row,) = aigc("runs", "list", "--json").json
    assert (row["status"], row["created"], row["total"]) == ("interrupted", 3, 10)

    (line,) = [line for line in ran.complaints if "go on" in line]
    way_on = re.search(r"--seed 103 -n 7\b", line)
    assert way_on, line
    aigc(*command, *way_on[0].split())
    assert files() == [f"out/acme-stopping-{seed}.png" for seed in range(100, 110)]


def test_killed_run_is_told_apart_and_the_next_one_works(aigc, stopped, files):
    process, command = stopped
    process.kill()
    process.communicate()
    (row,) = aigc("runs", "list", "--json").json
    assert row["status"] == "died"
    assert files() == [f"out/acme-stopping-{seed}.png" for seed in (100, 101, 102)]
    aigc(*command, "--seed", "103", "-n", "7")
    assert [row["status"] for row in aigc("runs", "list", "--json").json] == ["finished", "died"]
    assert files() == [f"out/acme-stopping-{seed}.png" for seed in range(100, 110)]


def test_run_going_on_is_told_as_running(aigc, stopped):
    (row,) = aigc("runs", "list", "--json").json
    assert (row["status"], row["total"]) == ("running", 10)


@pytest.mark.parametrize("model", ["static", "digits-gan"])
def test_interruption_at_any_moment(aigc, static, files, model):
    """Wherever Ctrl-C happens to fall: whole files only, and the ledger knows each of them."""
    choice = static if model == "static" else ["-m", model]
    process = aigc.start("generate", *choice, "--seed", "0", "-n", "1000000", "-o", "out")
    out = aigc.folder / "out"
    aigc.wait_for(lambda: out.is_dir() and any(out.glob("*.png")), process)
    process.send_signal(signal.SIGINT)
    ran = aigc.end(process)
    assert ran.code == 130
    names = files()
    assert all(re.fullmatch(r"out/[a-z-]+-\d+\.png", name) for name in names), "no part of a file is left"
    for name in names:
        with Image.open(aigc.folder / name) as picture:
            picture.load()
    (row,) = aigc("runs", "list", "--json").json
    assert row["status"] == "interrupted"
    # Ctrl-C may fall between a file's last byte and its row: then the last file is not counted.
    assert len(names) - row["created"] in (0, 1)
    done = re.search(r"interrupted: (\d+) of 1000000 done; .*--seed (\d+) -n (\d+)", ran.err)
    assert done, ran.err
    assert len(names) - int(done[1]) in (0, 1), "going on leaves none out"
    assert (int(done[2]), int(done[3])) == (int(done[1]), 1_000_000 - int(done[1]))


def test_interruption_while_plugins_are_imported(aigc, site, tmp_path):
    marker = tmp_path / "importing"
    site.install("slow", f"import pathlib, signal\npathlib.Path({str(marker)!r}).touch()\nsignal.pause()\n")
    aigc.install(site.path)
    process = aigc.start("models", "list")
    aigc.wait_for(marker.exists, process)
    process.send_signal(signal.SIGINT)
    assert aigc.end(process).code == 130


def test_reader_that_goes_away_is_no_error(aigc, static):
    """``aigc … | head -1``"""
    read, write = os.pipe()
    process = aigc.start("generate", *static, "-n", "3000", "--seed", "0", "-o", "out", stdout=write)
    os.close(write)
    os.close(read)
    ran = aigc.end(process)
    assert "Error" not in ran.err
    assert "BrokenPipe" not in ran.err
