"""``aigc embed``: what a person types, reads and mistypes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PLUGIN = Path(__file__).parents[1] / "plugins" / "colours.py"


@pytest.fixture
def embed(aigc):
    """Run ``aigc embed`` with the small embedder."""

    def run(*arguments, code=0):
        return aigc("embed", "--plugin", PLUGIN, "-m", "colours", *arguments, code=code)

    return run


@pytest.fixture
def rose() -> Path:
    Image.new("RGB", (9, 9), "red").save("rose.png")
    return Path("rose.png")


def test_a_table_of_how_vectors_begin(embed, rose):
    said = embed(rose, "red and blue")
    assert said.out.splitlines() == [
        "item\tkind\tdimensions\tvector",
        "rose.png\timage\t6\t1 0.006622 0.002453 0.02164 …",
        "red and blue\ttext\t6\t1 0 1 0 …",
    ]
    assert said.err == ""


def test_lines_of_json(embed, rose):
    said = embed("blue", rose, "--json")
    first, second = [json.loads(line) for line in said.out.splitlines()]
    assert list(first) == ["item", "kind", "space_id", "model", "sha256", "vector"]
    assert (first["item"], first["kind"], first["vector"]) == ("blue", "text", [0, 0, 1, 0, 0, 0])
    assert (second["item"], second["kind"]) == ("rose.png", "image")


def test_files(embed, rose):
    said = embed(rose, "blue", "--out", "vectors.npy")
    assert said.out == ""
    assert "2 vectors of colours@" in said.err
    assert said.err.endswith(": vectors.npy.json and vectors.npy\n")
    assert np.load("vectors.npy").shape == (2, 6)
    assert embed("blue", "--out", "vectors.jsonl", "--json").out == Path("vectors.jsonl").read_text()


def test_texts_in_files_on_stdin_and_of_the_same_name_as_files(embed, rose, monkeypatch):
    Path("list.txt").write_text("red\n\n blue \n")
    Path("list.md").write_text("green\nblack\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\ufeffwhite\n\nyellow".encode())))
    said = embed("list.txt", "@list.md", "-", "@@home", "--json")
    items = [json.loads(line)["item"] for line in said.out.splitlines()]
    assert items == ["red", "blue", "green", "black", "white", "yellow", "@home"]
    assert json.loads(embed("rose.png", "--text", "--json").out)["kind"] == "text"


def test_what_cannot_be_read_is_told_and_has_a_code(embed, rose):
    Path("cut.png").write_bytes(rose.read_bytes()[:45])
    said = embed(rose, "cut.png", "--json", code=5)
    assert len(said.out.splitlines()) == 1
    assert said.err == "aigc: skipped: 1 damaged or cut off (cut.png)\n"
    assert "there is nothing to embed: 1 damaged or cut off (cut.png)" in embed("cut.png", code=1).err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([""], 2, "the text is empty"),
        (["nowhere.png"], 1, "there is no file nowhere.png (for the word itself: --text)"),
        (["red", "--out", "vectors.csv"], 2, "it ends in .parquet, .npy, .jsonl"),
        (["red", "--out", "nowhere/vectors.npy"], 1, "there is no folder nowhere"),
        (["@nowhere"], 1, "nowhere"),
    ],
)
def test_mistakes_have_a_line_and_a_code(embed, arguments, code, says):
    said = embed(*arguments, code=code)
    assert says in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "there is nothing to embed"), (b"red\n\xff\n", "line 2 on stdin is no UTF-8")]
)
def test_stdin_without_texts(embed, monkeypatch, content, says):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert says in embed("-", code=1).err


def test_a_stdin_that_was_closed(embed, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert "there is nothing to embed" in embed("-", code=1).err


def test_whoever_types_texts_is_told_that_they_are_read(embed, monkeypatch):
    class Keyboard(io.TextIOWrapper):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Keyboard(io.BytesIO(b"red\n")))
    assert "reading texts from the keyboard, one a line; Ctrl-D ends them" in embed("-").err
