"""``aigc search``: what a person types, reads and mistypes."""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from aigc_core.cli import search as command

PLUGIN = Path(__file__).parents[1] / "plugins" / "colours.py"


@pytest.fixture
def photos() -> Path:
    """Two pictures and two lines, an hour old."""
    folder = Path("photos")
    folder.mkdir()
    Image.new("RGB", (40, 30), "red").save(folder / "rose.png")
    Image.new("RGB", (40, 30), "blue").save(folder / "sea.png")
    (folder / "notes.txt").write_text("a red dress\na green hill\n")
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    return folder


@pytest.fixture
def search(aigc, photos):
    """Run ``aigc search`` with the small embedder."""

    def run(*arguments, code=0, where=photos):
        return aigc("search", "--in", where, "--plugin", PLUGIN, "-m", "colours", *arguments, code=code)

    return run


def test_rows_for_a_shell_and_talk_beside_them(search):
    said = search("red", "-k", "2", "--modality", "image")
    head, *rows = [line.split("\t") for line in said.out.splitlines()]
    assert head == ["rank", "similarity", "item"]
    assert [(row[0], row[2]) for row in rows] == [("1", "photos/rose.png"), ("2", "photos/sea.png")]
    assert float(rows[0][1]) > 0.9 > float(rows[1][1])
    assert said.err == "aigc: index in photos/.aigc-index by colours: 4 items (4 embedded, 0 kept)\n"
    assert search("red", "-k", "1").err == "", "nothing was done, and nothing is to be said"


def test_texts_have_a_column_and_a_line_number(search):
    said = search("green", "-k", "1")
    assert said.out.splitlines()[1] == "1\t1.0000\tphotos/notes.txt:2\ta green hill"


def test_on_a_terminal_a_table(search, at_a_terminal):
    assert "─" in search("red").out


def test_json_is_one_document(search, photos):
    said = search("photos/rose.png", "-k", "2", "--json")
    document = said.json
    assert document["query"] == "photos/rose.png"
    assert (document["model"], document["sha256"], document["items"]) == ("colours", "", 4)
    assert document["space_id"].startswith("colours@")
    assert document["index"] == "photos/.aigc-index"
    first, second = document["hits"]
    assert first == {
        "rank": 1,
        "similarity": pytest.approx(1),
        "item": "rose.png",
        "kind": "image",
        "path": "photos/rose.png",
        "line": None,
        "text": None,
    }
    assert (second["item"], second["line"], second["text"]) == ("notes.txt:1", 1, "a red dress")


def test_a_sheet_of_the_pictures(search):
    said = search("blue", "--sheet", "found.png", "--modality", "image")
    assert "contact sheet: found.png" in said.err
    with Image.open("found.png") as sheet:
        assert sheet.getpixel((10, 10)) == (0, 0, 255)
        assert "XML:com.adobe.xmp" not in sheet.info, "found, not made"


def test_what_changed_is_told(search, photos):
    search("red")
    (photos / "sea.png").unlink()
    shutil.copy(photos / "rose.png", photos / "other.png")
    (photos / "night.png").write_bytes(b"\x89PNG")
    Image.new("RGB", (4, 4)).save(photos / "black.png")
    said = search("red", "-k", "10")
    assert "skipped: 1 not a picture (night.png)" in said.err
    assert "5 items (1 embedded, 4 kept, 1 file gone)" in said.err
    assert "there are only 5 items, and 10 were asked for" in said.err


def test_words_that_are_files_and_texts_that_are_not(search, photos):
    Path("red").write_bytes((photos / "sea.png").read_bytes())
    assert "sea.png" in search("red", "-k", "1").out
    assert "notes.txt:1" in search("red", "-k", "1", "--text").out
    Path("query.md").write_text("a green thing\n")
    assert "notes.txt:2" in search("@query.md", "-k", "1").out
    assert "notes.txt:2" in search("@@green green", "-k", "1").out
    assert "notes.txt:2" in search("green " + "x" * 5000, "-k", "1").out
    assert "sees nothing in 'photos'" in search("photos", code=2).err, "a folder is no picture: a text"


def test_a_query_from_stdin(search, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"green\n")))
    assert "notes.txt:2" in search("-", "-k", "1").out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([""], 2, "the query is empty (say what to look for"),
        (["  "], 2, "the query is empty"),
        (["red", "-k", "0"], 2, "-k 0: at least one item"),
        (["red", "--modality", "sound"], 2, "one of: image, text"),
        (["red", "--sheet", "found.jpg"], 2, "--sheet found.jpg is no .png"),
        (["nowhere.png"], 1, "there is no file nowhere.png (for the word itself: --text)"),
        (["photos/notes.txt"], 1, "cannot be read as a picture: not a picture"),
        (["@nowhere"], 1, "nowhere"),
        (["red", "-m", "coluors"], 2, "did you mean 'colours'"),
        (["red", "-m", "digits-gan"], 2, "digits-gan is no embedder"),
    ],
)
def test_mistakes_have_a_line_and_a_code(search, arguments, code, says):
    said = search(*arguments, code=code)
    assert says in said.err.splitlines()[-1]
    assert said.out == ""


def test_a_picture_to_look_for_that_is_broken(search, photos):
    content = (photos / "sea.png").read_bytes()
    Path("cut.png").write_bytes(content[: len(content) // 2])
    assert "cut.png cannot be read as a picture: damaged or cut off" in search("cut.png", code=1).err


def test_a_folder_that_is_not_there_or_empty(search):
    assert "there is no folder nowhere" in search("red", where="nowhere", code=1).err
    Path("empty").mkdir()
    assert "there is nothing to be found in empty" in search("red", where="empty", code=2).err


def test_another_model_is_refused_until_all_is_made_anew(search, aigc, photos):
    search("red")
    other = ["search", "red", "--in", photos, "--plugin", PLUGIN, "-m", "colours softness=5"]
    assert "--rebuild" in aigc(*other, code=2).err
    assert "(4 embedded, 0 kept)" in aigc(*other, "--rebuild").err


def test_after_ctrl_c_it_says_how_to_go_on(search, photos, monkeypatch):
    from contextlib import contextmanager

    for number in range(100):
        shutil.copy(photos / "sea.png", photos / f"{number:03}.png")
        with (photos / f"{number:03}.png").open("ab") as file:
            file.write(bytes([number]))  # none like another

    @contextmanager
    def impatient(what):
        def stop(done, total):
            if done == 90:
                raise KeyboardInterrupt

        yield stop

    with monkeypatch.context() as patched:
        patched.setattr(command, "progress_of", impatient)
        said = search("red", code=130)
    assert "interrupted; what is embedded so far is kept, and the same command goes on from there" in said.err
    assert "(40 embedded, 64 kept)" in search("red").err
