"""Vectors of texts, pictures, files and folders, and the files they are written to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

import aigc_core
from aigc_core import FileError, UsageError
from aigc_core.retrieval import embed_items, embeddings
from aigc_core.retrieval.embeddings import write_embeddings
from aigc_core.retrieval.opening import open_any
from aigc_core.retrieval.pieces import Piece, View
from aigc_core.retrieval.sheet import sheet_of, thumbnail


@pytest.fixture
def embed(pipeline):
    """Embed with the small embedder."""
    return lambda *things, model="colours": aigc_core.embed(things, model=model, pipeline=pipeline)


def test_texts_pictures_files_and_folders_in_their_order(embed, photos):
    found = embed("red wine", Image.new("RGB", (3, 3), "blue"), photos / "notes.txt", photos)
    lines = ["a red dress", "the green hill", "a yellow submarine"]
    pictures = [str(photos / "rose.png"), str(photos / "sea.jpg")]
    assert found.items == ("red wine", "picture", *lines, str(photos / "garden/leaf.webp"), *lines, *pictures)
    assert [kind[0] for kind in found.kinds] == list("titttitttii")
    assert (found.vectors.shape, found.vectors.dtype) == ((11, 6), np.float32)
    assert found.vectors.argmax(axis=1).tolist() == [0, 2, 0, 1, 3, 1, 0, 1, 3, 0, 2]
    assert (found.space.model, found.space.sha256) == ("colours", "")
    assert found.space.space_id.startswith("colours@")
    assert len(found) == 11


def test_more_than_a_batch_comes_in_order_and_is_not_taken_ahead(pipeline):
    embedder = open_any(pipeline, "colours")
    taken = []

    def pieces():
        view = View.of(embedder)
        for number in range(200):
            taken.append(number)
            picture = number % 3 == 0
            yield Piece(str(number), *(("image", view.pixels(red)) if picture else ("text", "red " * number)))

    red = np.full((4, 4, 3), (255, 0, 0), np.uint8)
    for number, (piece, vector) in enumerate(embed_items(embedder, pieces())):
        assert piece.name == str(number)
        assert len(taken) <= 64 * (number // 64 + 1)
        assert vector[0] == (1 if number % 3 == 0 else number)
    assert len(taken) == 200


def test_what_cannot_be_read_is_skipped_and_named(embed, photos, write):
    write(photos / "cut.png", b"\x89PNG")
    write(photos / "bytes.txt", b"\0")
    (photos / "gone.png").symlink_to("nowhere.png")
    found = embed(photos, photos / "cut.png")
    assert len(found) == 6
    assert sorted(each.name for each in found.skipped) == [
        "gone.png",
        "photos/bytes.txt",
        "photos/cut.png",
        "photos/cut.png",
    ]
    with pytest.raises(FileError, match=r"nothing to embed: 1 not a picture \(photos/cut.png\)"):
        embed(photos / "cut.png")
    with pytest.raises(FileError, match="there is nothing to embed"):
        embed()


def test_a_file_that_goes_away_is_skipped(embed, photos, monkeypatch):
    from aigc_core.retrieval import reading

    read = reading.read_bytes
    monkeypatch.setattr(reading, "read_bytes", lambda path, name: read(path.with_suffix(".gone"), name))
    with pytest.raises(FileError, match="4 there is no such file"):
        embed(photos)


def test_mistakes(embed, photos):
    with pytest.raises(FileError, match=r"no file or folder nowhere \(for the words themselves: --text\)"):
        embed(Path("nowhere"))
    with pytest.raises(UsageError, match="the text is empty"):
        embed("red", " ")
    with pytest.raises(UsageError, match="colours-of-pictures does not look at texts"):
        embed(photos / "notes.txt", model="colours-of-pictures")
    assert len(embed(photos, model="colours-of-pictures")) == 3


def test_a_parquet_file_has_lists_of_one_length_and_says_where_they_are_from(embed, photos):
    found = embed("red", photos)
    assert write_embeddings(found, Path("vectors.parquet")) == [Path("vectors.parquet")]
    table = parquet.read_table("vectors.parquet")
    assert str(table.schema.field("vector").type) == "fixed_size_list<element: float>[6]"
    assert table["item"].to_pylist() == list(found.items)
    assert table["kind"].to_pylist() == list(found.kinds)
    assert np.array_equal(np.array(table["vector"].to_pylist(), np.float32), found.vectors)
    assert table.schema.metadata[b"space_id"] == found.space.space_id.encode()
    assert table.schema.metadata[b"model"] == b"colours"
    assert table.schema.metadata[b"sha256"] == b""


def test_an_array_has_its_names_beside_it(embed, photos):
    found = embed("red", photos)
    write_embeddings(found, Path("vectors.npy"))
    assert np.array_equal(np.load("vectors.npy"), found.vectors)
    names = json.loads(Path("vectors.npy.json").read_text(encoding="utf-8"))
    assert names["space_id"] == found.space.space_id
    assert [(each["item"], each["kind"]) for each in names["items"]] == list(zip(found.items, found.kinds, strict=True))


def test_lines_of_json_give_the_same_numbers_again(embed, photos):
    found = embed("红 red", photos)
    write_embeddings(found, Path("vectors.jsonl"))
    lines = [json.loads(line) for line in Path("vectors.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["item"] for line in lines] == list(found.items)
    assert np.array_equal(np.array([line["vector"] for line in lines], np.float32), found.vectors)
    assert {line["space_id"] for line in lines} == {found.space.space_id}


def test_files_that_cannot_be_written(embed, monkeypatch):
    found = embed("red")
    with pytest.raises(UsageError, match=r"cannot be written to vectors.csv \(it ends in .parquet, .npy, .jsonl"):
        write_embeddings(found, Path("vectors.csv"))
    with pytest.raises(FileError, match="there is no folder nowhere"):
        write_embeddings(found, Path("nowhere/vectors.npy"))
    monkeypatch.setattr(embeddings, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'aigc-core\[data\]'"):
        write_embeddings(found, Path("vectors.parquet"))


# A sheet of what was found


def test_a_sheet_shows_the_pictures_in_order_whole_and_small(pipeline, photos, paint):
    paint(photos / "long.png", "red", (400, 100))
    hits = aigc_core.search("red", photos, k=3, modality="image", model="colours", pipeline=pipeline)
    sheet = sheet_of(hits)
    assert [hit.file for hit in hits] == ["long.png", "rose.png", "garden/leaf.webp"]
    assert sheet.getpixel((10, 10)) == (255, 0, 0)  # each cell is 128 wide
    assert thumbnail(photos / "long.png").size == (128, 32)
    assert thumbnail(photos / "rose.png").size == (40, 30)


def test_a_picture_that_is_gone_is_not_on_the_sheet(pipeline, photos, write):
    hits = aigc_core.search("red", photos, modality="image", model="colours", pipeline=pipeline)
    (photos / "rose.png").unlink()
    write(photos / "sea.jpg", b"")
    assert sheet_of(hits).width < 2 * 128
    with pytest.raises(UsageError, match=r"no picture was found for a sheet"):
        sheet_of(hits[:1])


def test_an_index_alone_has_no_pictures(pipeline, photos):
    given = {"model": "colours", "pipeline": pipeline}
    aigc_core.open_index(photos, index="kept", **given)
    with pytest.raises(UsageError, match=r"where the pictures of this index are is not known .*--in FOLDER"):
        sheet_of(aigc_core.search("red", "kept", **given))
