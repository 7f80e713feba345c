"""Finding pictures and texts by either."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import aigc_core
from aigc_core import FileError, PluginError, UsageError
from aigc_core.retrieval import search
from aigc_core.retrieval.index import nearest
from aigc_core.retrieval.pieces import View


def test_a_text_finds_pictures_and_texts(opened, photos):
    index = opened(photos)
    assert len(index) == 6
    assert (index.count("image"), index.count("text")) == (3, 3)
    hits = index.find("something red", 3)
    assert [hit.rank for hit in hits] == [1, 2, 3]
    text, picture = hits[:2]
    assert (text.item, text.text, text.kind, text.similarity) == ("notes.txt:1", "a red dress", "text", 1.0)
    assert (picture.item, picture.text, picture.kind, picture.line) == ("rose.png", None, "image", None)
    assert picture.path == photos / "rose.png"
    assert 0.9 < picture.similarity < 1
    assert hits[2].similarity < 0.5


@pytest.mark.parametrize(
    ("query", "modality", "found"),
    [
        ("red", "image", "rose.png"),
        ("green", "text", "notes.txt:3"),
        (Path("photos/sea.jpg"), None, "sea.jpg"),
        (Path("photos/garden/leaf.webp"), "text", "notes.txt:3"),
        (Image.new("RGB", (5, 5), "yellow"), None, "notes.txt:4"),
    ],
    ids=["text to image", "text to text", "image to image", "image to text", "a picture in memory"],
)
def test_every_way_through_the_space(opened, photos, query, modality, found):
    assert opened(photos).find(query, 1, modality)[0].item == found


def test_one_call_does_it_all_and_is_public(pipeline, photos):
    hits = aigc_core.search("blue", photos, k=2, model="colours", pipeline=pipeline)
    assert [hit.item for hit in hits] == ["sea.jpg", "garden/leaf.webp"]
    assert search("blue", str(photos), k=1, pipeline=pipeline)[0] == hits[0]  # by the model of the index


def test_more_than_there_is_gives_all(opened, photos):
    assert len(opened(photos).find("red", 1000)) == 6
    assert len(opened(photos).find("red", 1000, "text")) == 3


def test_equals_come_in_the_order_of_their_names(opened, paint):
    for name in ("c", "a", "b", "d/a"):
        paint(f"same/{name}.png", "red")
    hits = opened(Path("same")).find("red", 3)
    assert [hit.item for hit in hits] == ["a.png", "b.png", "c.png"]
    assert len({hit.similarity for hit in hits}) == 1


def test_a_picture_with_alpha_is_seen_on_white(opened, paint):
    paint("alpha/clear.png", (0, 0, 0, 0), mode="RGBA")
    paint("alpha/ink.png", (0, 0, 0, 255), mode="RGBA")
    assert [hit.item for hit in opened(Path("alpha")).find("white")] == ["clear.png", "ink.png"]
    clear = Image.new("RGBA", (9, 9), (255, 0, 0, 0))
    assert opened(Path("alpha")).find(clear, 1)[0].item == "clear.png"


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_the_smallest_pictures_are_found_too(opened, paint, size):
    paint("tiny/dot.png", "blue", size)
    assert opened(Path("tiny")).find("blue", 1)[0].similarity > 0.9


def test_a_single_pixel_fills_a_view_of_any_shape():
    pixels = View((100, 28), 3).pixels(np.full((1, 1, 3), 7, np.uint8))
    assert pixels.shape == (3, 28, 100)
    assert (pixels == 7).all()


@pytest.mark.parametrize(
    ("query", "error", "says"),
    [
        ("", UsageError, "the text is empty"),
        (" \n", UsageError, "the text is empty"),
        ("a \ud800", UsageError, "half a character"),
        ("mauve", UsageError, "colours sees nothing in 'mauve'"),
        (Path("nowhere.png"), FileError, "nowhere.png: there is no such file"),
        (Path("photos/notes.txt"), FileError, "notes.txt cannot be read as a picture: not a picture"),
    ],
)
def test_queries_that_cannot_be(opened, photos, query, error, says):
    with pytest.raises(error, match=says):
        opened(photos).find(query)


def test_numbers_that_cannot_be(opened, photos):
    index = opened(photos)
    with pytest.raises(UsageError, match="at least one item"):
        index.find("red", 0)
    for vector in (np.ones(5, np.float32), np.zeros(6, np.float32)):
        with pytest.raises(UsageError, match="a vector of 6 numbers that are not all zero"):
            index.search(vector)


def test_an_embedder_of_pictures_finds_pictures_by_pictures(opened, photos):
    index = opened(photos, model="colours-of-pictures")
    assert (len(index), index.changes.others) == (3, 1)
    assert index.find(photos / "rose.png", 1)[0].item == "rose.png"
    with pytest.raises(UsageError, match="colours-of-pictures does not look at texts"):
        index.find("red")


def test_vectors_of_two_lengths_are_no_space(opened, photos):
    with pytest.raises(PluginError, match="vectors of 6 and of 7 numbers"):
        opened(photos, model="colours longer=true")


# Exactness


@pytest.mark.parametrize("seed", range(5))
def test_what_is_nearest_is_that_of_a_whole_sort_in_double_precision(seed):
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((3000, 64)).astype(np.float32)
    vectors[1000:2000] = vectors[:1000] * (1 + 1e-7 * random.standard_normal((1000, 1)))  # nearly the same
    vectors[2000:2500] = vectors[0]  # the very same
    vectors[2500] = 0
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    query = (vectors[0] + 0.1 * random.standard_normal(64)).astype(np.float64)
    query /= np.linalg.norm(query)
    products = vectors.astype(np.float64) @ query
    for k, rows in ((1, None), (700, None), (5000, None), (40, np.arange(0, 3000, 3))):
        these = np.arange(3000) if rows is None else rows
        best = nearest(vectors, query, k, rows)
        assert len(best) == min(k, len(these))
        assert np.array([value for _, value in best]) == pytest.approx(np.sort(products[these])[::-1][:k], abs=1e-12)
        for (row, value), (after, smaller) in pairwise(best):
            assert value > smaller or (value == smaller and row < after)


def test_nothing_is_nearest_among_none():
    assert nearest(np.ones((3, 2), np.float32), np.ones(2), 5, np.array([], np.int64)) == []
