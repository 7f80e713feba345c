"""An index on the disk: what is embedded again, what is told, and what is never lost."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from PIL import Image

from aigc_core import FileError, Pipeline, UsageError, open_index
from aigc_core.registry import Registry
from aigc_core.retrieval import settled as reading
from aigc_core.retrieval.store import load


def changes(index) -> tuple[int, int, int]:
    return index.changes.embedded, index.changes.kept, index.changes.removed


def document(place: Path) -> dict:
    return json.loads((place / "index.json").read_text(encoding="utf-8"))


def state(place: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in place.iterdir()}


# Only what is new


def test_the_second_time_nothing_is_embedded_nor_written(opened, photos):
    assert changes(opened(photos)) == (6, 0, 0)
    place = photos / ".aigc-index"
    before = state(place)
    index = opened(photos)
    assert changes(index) == (0, 6, 0)
    assert isinstance(index._vectors.base, np.memmap)
    assert state(place) == before
    assert index.find("red", 1, "image")[0].item == "rose.png"


def test_what_stands_in_the_index(opened, photos):
    index = opened(photos)
    told = document(photos / ".aigc-index")
    assert told["format"] == 1
    assert (told["space_id"], told["embedder"], told["model"]) == (index.embedder.space_id, "colours", None)
    assert (told["dimensions"], told["count"]) == (6, 6)
    vectors = np.load(photos / ".aigc-index" / told["vectors"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(6), abs=1e-6)
    leaf, notes, rose, sea = told["files"]
    assert [each["path"] for each in told["files"]] == ["garden/leaf.webp", "notes.txt", "rose.png", "sea.jpg"]
    assert [each["row"] for each in told["files"]] == [0, 1, 4, 5]
    assert notes["lines"] == [[1, "a red dress"], [3, "the green hill"], [4, "a yellow submarine"]]
    status = (photos / "rose.png").stat()
    assert (rose["size"], rose["mtime_ns"]) == (status.st_size, status.st_mtime_ns)
    assert sea["kind"] == leaf["kind"] == "image"


def test_new_changed_gone_and_renamed_files(opened, photos, paint, write):
    opened(photos)
    paint(photos / "night.png", "black")  # new
    write(photos / "notes.txt", "a blue moon\nred wine\n")  # changed
    (photos / "sea.jpg").unlink()  # gone
    (photos / "rose.png").rename(photos / "flower.png")  # renamed
    shutil.copy(photos / "garden" / "leaf.webp", photos / "copy.webp")  # there twice
    index = opened(photos)
    assert changes(index) == (3, 3, 2)
    assert [hit.item for hit in index.find("red", 2)] == ["notes.txt:2", "flower.png"]
    assert index.find("black", 1)[0].item == "night.png"
    assert [hit.item for hit in index.find("green", 2)] == ["copy.webp", "garden/leaf.webp"]
    assert len(list((photos / ".aigc-index").iterdir())) == 2
    assert changes(opened(photos)) == (0, 6, 0)


def test_a_file_that_was_only_touched_keeps_its_vector(opened, photos):
    opened(photos)
    os.utime(photos / "rose.png", (1, 1))
    assert changes(opened(photos)) == (0, 6, 0)
    assert document(photos / ".aigc-index")["files"][2]["mtime_ns"] == 10**9


def test_a_file_that_is_fresh_is_not_trusted_by_its_time(opened, photos, paint):
    path = paint(photos / "new.bmp", "red")
    os.utime(path)
    opened(photos)
    before = path.stat()
    paint(path, "blue")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as large, and of the same time
    assert path.stat().st_size == before.st_size
    index = opened(photos)
    assert changes(index) == (1, 6, 0)
    assert "new.bmp" in [hit.item for hit in index.find("blue", 2)]


def test_all_anew(opened, photos):
    opened(photos)
    assert changes(opened(photos, rebuild=True)) == (6, 0, 0)


def test_an_index_elsewhere(opened, photos):
    opened(photos, index="kept/here")
    assert not (photos / ".aigc-index").exists()
    assert changes(opened(photos, index="kept/here")) == (0, 6, 0)


def test_an_index_can_be_searched_without_what_it_was_made_of(opened, photos):
    opened(photos, index="kept")
    shutil.rmtree(photos)
    index = opened("kept")
    assert index.changes is None
    (hit,) = index.find("red", 1, "image")
    assert (hit.item, hit.path) == ("rose.png", None)
    assert index.find("red", 1, "text")[0].text == "a red dress"
    with pytest.raises(UsageError, match="which is made of a folder"):
        opened("kept", rebuild=True)


def test_an_index_in_its_folder_knows_where_things_are(opened, photos):
    opened(photos)
    (hit,) = opened(photos / ".aigc-index").find("red", 1, "image")
    assert hit.path.samefile(photos / "rose.png")


# Models


def test_the_model_of_the_index_is_taken_where_none_is_named(opened, photos):
    opened(photos, model="colours softness=20")
    assert opened(photos, model=None).embedder.name == "colours softness=20.0"


def test_an_index_of_another_model_is_refused_by_its_space(opened, photos):
    opened(photos)
    with pytest.raises(UsageError, match=r"was made by colours@\w+, and vectors of colours@.*--rebuild"):
        opened(photos, model="colours softness=20")
    opened(photos, index="kept")
    with pytest.raises(UsageError, match="cannot be compared"):
        opened("kept", model="colours softness=20")
    assert changes(opened(photos, model="colours softness=20", rebuild=True)) == (6, 0, 0)


def test_an_index_of_a_model_that_is_not_here(opened, photos):
    opened(photos)
    path = photos / ".aigc-index" / "index.json"
    path.write_text(path.read_text().replace('"embedder": "colours"', '"embedder": "emoji-joints"'))
    with pytest.raises(UsageError, match=r"was made by emoji-joints, which is not found here \(say where it is"):
        opened(photos, model=None)
    assert changes(opened(photos)) == (0, 6, 0)


def test_a_model_has_to_be_named_where_none_is_installed(opened, photos, monkeypatch):
    monkeypatch.setattr(Registry, "models", {})
    with pytest.raises(UsageError, match=r"no installed model maps pictures and texts .*name one: --model"):
        opened(photos, model=None)


def test_the_first_installed_model_of_several_modalities_is_the_default(photos, tmp_path):
    models = []
    for name, component in (("aa-eye", "test/eye"), ("bb-joint", "test/joint"), ("cc-joint", "test/joint")):
        manifest = {"name": name, "component": component, "modality": "image", "shape": [1, 8, 8], "files": {}}
        content = json.dumps({**manifest, "options": {}}).encode()
        (tmp_path / name).mkdir()
        (tmp_path / name / "aigc.json").write_bytes(content)
        models.append((name, component, str(tmp_path / name), hashlib.sha256(content).hexdigest()))
    plugin = tmp_path / "models.py"
    plugin.write_text(
        dedent(
            f"""
            from pathlib import Path
            import numpy as np
            from aigc_core import EmbedderSpec, ModelSpec, hookimpl

            class Sizes:
                def __init__(self, model, options): ...
                def embed(self, items):
                    return np.array([np.shape(item) or (1, 2, 3) for item in items], np.float32)

            @hookimpl
            def aigc_embedders():
                return [EmbedderSpec("test/eye", "image", Sizes, needs_model=True),
                        EmbedderSpec("test/joint", "image", Sizes, needs_model=True, also=("text",))]

            @hookimpl
            def aigc_models():
                return [ModelSpec(a, b, Path(c), d) for a, b, c, d in {models}]
            """
        )
    )
    index = open_index(photos, pipeline=Pipeline(plugins=[plugin]))
    assert index.embedder.name == "bb-joint"
    told = document(photos / ".aigc-index")
    assert told["model"] == {"name": "bb-joint", "sha256": models[1][3]}
    # Pictures are shown as large and with as many channels as the model was trained on.
    assert index._vectors[0] == pytest.approx(np.array([1, 8, 8]) / np.linalg.norm([1, 8, 8]))


# Broken, cut short, in the way


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def spoil(path: Path, **changes) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda index, vectors: cut(vectors), r"vectors-\w+\.npy is damaged or cut short"),
        (lambda index, vectors: vectors.write_bytes(b""), "damaged or cut short"),
        (lambda index, vectors: vectors.unlink(), "its vectors are not there"),
        (lambda index, vectors: np.save(vectors, np.zeros((6, 5), np.float32)), "holds float32 6×5, not float32 6×6"),
        (lambda index, vectors: np.save(vectors, np.zeros((6, 6))), "holds float64 6×6"),
        (lambda index, vectors: np.save(vectors, np.array([{}] * 6)), "damaged or cut short"),
        (lambda index, vectors: cut(index), "index.json: Invalid JSON"),
        (lambda index, vectors: index.write_text("[]"), "index.json"),
        (lambda index, vectors: spoil(index, format=2), "index.json: format: Input should be 1"),
        (lambda index, vectors: spoil(index, vectors="../../secret.npy"), "index.json: vectors"),
        (
            lambda index, vectors: spoil(index, files=[{**document(index.parent)["files"][0], "path": "../x.png"}]),
            "index.json: files.0.path: Value error, a file has to lie below the folder",
        ),
        (lambda index, vectors: spoil(index, count=7), "holds float32 6×6, not float32 7×6"),
        (lambda index, vectors: spoil(index, files=document(index.parent)["files"][1:]), "begins at row 1, not 0"),
        (lambda index, vectors: spoil(index, files=document(index.parent)["files"][:-1]), "5 items, and 6 vectors"),
    ],
)
def test_a_broken_index_is_told_and_made_anew(opened, photos, said, harm, says):
    opened(photos)
    place = photos / ".aigc-index"
    harm(place / "index.json", next(place.glob("vectors-*")))
    index = opened(photos)
    (line,) = said
    assert re.fullmatch(f"the index in photos/.aigc-index is broken and is made anew: .*{says}.*", line)
    assert changes(index) == (6, 0, 0)
    assert index.find("red", 1, "image")[0].item == "rose.png"
    assert changes(opened(photos)) == (0, 6, 0)


def test_a_broken_index_without_its_folder_is_an_error(opened, photos):
    opened(photos, index="kept")
    cut(next(Path("kept").glob("vectors-*")))
    with pytest.raises(FileError, match=r"the index in kept is broken: .*search what it was made of"):
        opened("kept")


def test_a_process_that_dies_between_the_two_files_leaves_the_old_index(opened, photos, paint, monkeypatch):
    opened(photos)
    place = photos / ".aigc-index"
    before = load(place).manifest
    paint(photos / "new.png", "white")
    replace = Path.replace

    def dies(path, target):
        if target.name == "index.json":
            raise SystemExit(9)
        return replace(path, target)

    with monkeypatch.context() as killed, pytest.raises(SystemExit):
        killed.setattr(Path, "replace", dies)
        opened(photos)
    assert len(list(place.glob("vectors-*"))) == 2
    assert load(place).manifest == before
    assert changes(opened(photos)) == (1, 6, 0)
    assert len(list(place.glob("vectors-*"))) == 1


def test_where_nothing_can_be_written_it_stays_in_memory(opened, photos, said):
    (photos / ".aigc-index").write_text("in the way")
    index = opened(photos)
    assert index.place is None
    assert index.find("red", 1, "image")[0].item == "rose.png"
    (line,) = said
    assert line.startswith("the index stays in memory: cannot write photos/.aigc-index: photos/.aigc-index is no ")
    assert line.endswith("(to keep it: --index FOLDER)")
    with pytest.raises(FileError, match="cannot write"):
        opened(photos, index=photos / ".aigc-index")


def test_a_folder_that_may_only_be_read_is_not_written_to(opened, photos, said, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # whoever runs the tests may write anywhere
    assert opened(photos).place is None
    assert not (photos / ".aigc-index").exists()
    assert said == [
        "the index stays in memory: cannot write photos/.aigc-index: not allowed (to keep it: --index FOLDER)"
    ]


def test_a_disk_that_gets_full_is_told(opened, photos, said, monkeypatch):
    def full(*_):
        raise FileError("cannot write it: the disk is full")

    monkeypatch.setattr("aigc_core.retrieval.store.store_all", full)
    assert len(opened(photos).find("red")) == 6
    assert "the disk is full" in said[0]
    with pytest.raises(FileError, match="the disk is full"):
        opened(photos, index="kept")
    Path("file").touch()
    with pytest.raises(FileError, match="is no folder"):
        opened(photos, index="file/kept")


def test_an_index_that_is_taken_away_meanwhile_is_told(opened, photos, paint, said):
    opened(photos)
    paint(photos / "new.png", "white")
    place = photos / ".aigc-index"

    def take_away(done, total):
        shutil.rmtree(place)
        place.write_text("in the way")

    index = opened(photos, on_progress=take_away)
    assert (len(index), index.place) == (7, None)
    assert "the index stays in memory: cannot write photos/.aigc-index" in said[0]


def test_a_folder_in_the_place_of_the_file_is_a_broken_index(opened, photos, said):
    (photos / ".aigc-index" / "index.json").mkdir(parents=True)
    assert len(opened(photos)) == 6
    assert "is broken and is made anew: index.json cannot be read" in said[0]
    assert "index.json: it is a folder" in said[1]


# What a folder may hold


def test_broken_pictures_and_texts_are_named_and_not_read_again(opened, photos, write, said, monkeypatch):
    content = (photos / "rose.png").read_bytes()
    write(photos / "cut.png", content[: len(content) // 2])
    write(photos / "words.png", "no picture at all")
    write(photos / "empty.jpg", b"")
    write(photos / "blank.txt", "\n \n")
    write(photos / "bytes.txt", b"\0\1\2")
    write(photos / "film.mp4", b"\0\1\2")
    index = opened(photos)
    assert (len(index), index.changes.others) == (6, 1)
    (line,) = said
    assert line.startswith("skipped: ")
    for told in (
        "1 damaged or cut off (cut.png)",
        "1 not a picture (words.png)",
        "1 an empty file (empty.jpg)",
        "1 no text in it (blank.txt)",
        "1 no text in an encoding that can be told (bytes.txt)",
    ):
        assert told in line
    monkeypatch.setattr(reading, "read_bytes", None)  # nothing is read any more
    assert changes(opened(photos)) == (0, 6, 0)
    assert said == [line, line]


def test_a_picture_that_was_mended_is_found(opened, photos, write, paint):
    write(photos / "cut.png", b"\x89PNG")
    opened(photos)
    paint(photos / "cut.png", "yellow")
    assert opened(photos).find("yellow", 1, "image")[0].item == "cut.png"


@pytest.mark.parametrize("content", [{}, {"film.mp4": b"\0"}, {"cut.png": b"\x89PNG"}])
def test_a_folder_with_nothing_to_be_found(opened, write, content):
    Path("empty").mkdir()
    for name, data in content.items():
        write(f"empty/{name}", data)
    with pytest.raises(UsageError, match=r"nothing to be found in empty.*looks at pictures and lines in \.txt"):
        opened(Path("empty"))
    assert sorted(path.name for path in Path("empty").iterdir()) == sorted(content)


def test_a_folder_that_is_not_there(opened, photos):
    with pytest.raises(FileError, match="there is no folder nowhere"):
        opened(Path("nowhere"))
    with pytest.raises(UsageError, match=r"rose.png is a file .*--in FOLDER"):
        opened(photos / "rose.png")
    with pytest.raises(FileError, match=r"cannot be looked into|there is no folder"):
        opened(Path("a" * 300))


def test_hidden_files_and_names_without_characters(opened, photos, paint, said):
    paint(photos / ".hidden.png", "white")
    paint(photos / ".cache" / "thumb.png", "white")
    Path(os.fsdecode(b"photos/odd-\xff.png")).write_bytes((photos / "rose.png").read_bytes())
    (photos / "broken-link.png").symlink_to("nowhere.png")
    assert len(opened(photos)) == 6
    assert "1 a name that is no UTF-8" in said[0]
    assert "1 a broken link (broken-link.png)" in said[0]


# A folder that changes meanwhile


def test_files_that_vanish_while_the_folder_is_read(opened, photos, said):
    def unlink(done, total):
        (photos / "rose.png").unlink(missing_ok=True)

    index = opened(photos, on_progress=unlink)
    assert len(index) == 5
    assert said == ["skipped: 1 vanished meanwhile (rose.png)"]


def test_a_file_that_is_listed_and_gone(opened, photos, said, monkeypatch):
    from aigc_core.retrieval import refreshing

    class Listed(refreshing.Folder):
        def __init__(self, root):
            super().__init__(root)
            (root / "rose.png").unlink()

    monkeypatch.setattr(refreshing, "Folder", Listed)
    assert len(opened(photos)) == 5
    assert said == ["skipped: 1 vanished meanwhile (rose.png)"]


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_changes_while_it_is_read_is_read_once_more(opened, photos, paint, said, monkeypatch, times):
    left = [times]
    read = reading.read_bytes

    def meanwhile(path, name):
        content = read(path, name)
        if name == "rose.png" and left[0]:
            left[0] -= 1
            paint(path, "yellow", (50 + left[0], 50))
        return content

    monkeypatch.setattr(reading, "read_bytes", meanwhile)
    index = opened(photos)
    if times == 1:
        assert index.find("yellow", 1, "image")[0].item == "rose.png"
        assert said == []
    else:
        assert len(index) == 5
        assert said == ["skipped: 1 changed while it was read (rose.png)"]
        assert changes(opened(photos)) == (1, 5, 0)  # the next time it is still


def test_what_cannot_be_read_is_skipped(opened, photos, said, monkeypatch):
    read = reading.read_bytes

    def refuses(path, name):
        if name == "rose.png":
            return reading.Skipped(name, "cannot be read: Permission denied")
        return read(path, name)

    monkeypatch.setattr(reading, "read_bytes", refuses)
    assert len(opened(photos)) == 5
    assert said == ["skipped: 1 cannot be read: Permission denied (rose.png)"]


# Interrupted


@pytest.fixture
def many() -> Path:
    """Two hundred small pictures of colours that all differ, and their names in order."""
    folder = Path("many")
    folder.mkdir()
    for number in range(200):
        path = folder / f"{number:03}.png"
        Image.new("RGB", (4, 4), (number, 0, 255 - number)).save(path)
        os.utime(path, (1, 1))
    return folder


def stop_at(number: int):
    def stop(done, total):
        if done == number:
            raise KeyboardInterrupt

    return stop


def test_after_ctrl_c_it_goes_on_where_it_was(opened, many):
    with pytest.raises(KeyboardInterrupt):
        opened(many, on_progress=stop_at(150))
    assert document(many / ".aigc-index")["count"] == 128  # two batches
    index = opened(many)
    assert changes(index) == (72, 128, 0)
    whole = opened(many, index="whole")
    assert np.array_equal(index._vectors, whole._vectors)


def test_before_the_first_batch_nothing_is_kept_and_nothing_broken(opened, many):
    with pytest.raises(KeyboardInterrupt):
        opened(many, on_progress=stop_at(10))
    assert not (many / ".aigc-index").exists()
    assert changes(opened(many)) == (200, 0, 0)


def test_an_interrupted_refresh_forgets_nothing_that_was_renamed(opened, many):
    opened(many)
    for path in sorted(many.glob("*.png")):
        path.rename(path.with_name(f"x{path.name}"))
    for number in range(200):
        Image.new("RGB", (4, 4), (number, 90, 0)).save(many / f"a{number:03}.png")
        os.utime(many / f"a{number:03}.png", (1, 1))
    with pytest.raises(KeyboardInterrupt):
        opened(many, on_progress=stop_at(100))
    assert changes(opened(many)) == (400 - 200 - 64, 64 + 200, 200)


def test_a_long_indexing_is_saved_on_its_way(opened, many, monkeypatch):
    monkeypatch.setattr("aigc_core.retrieval.refreshing._WORTH_SAVING", 50)
    seen = []

    def look(done, total):
        place = many / ".aigc-index"
        seen.append(document(place)["count"] if place.exists() else 0)

    opened(many, on_progress=look)
    assert sorted(set(seen)) == [0, 50, 100, 150]
    assert len(seen) == 200


def test_a_text_file_is_in_the_index_whole_or_not_at_all(opened, write):
    write("texts/a.txt", "red\n" * 100)
    write("texts/b.txt", "blue\n" * 100)
    with pytest.raises(KeyboardInterrupt):
        opened(Path("texts"), on_progress=stop_at(2))
    assert [each["path"] for each in document(Path("texts/.aigc-index"))["files"]] == ["a.txt"]
    assert changes(opened(Path("texts"))) == (100, 100, 0)
