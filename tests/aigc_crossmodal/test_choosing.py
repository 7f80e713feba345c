"""The selector that keeps what is nearest to the prompt, and the metrics, in whole runs."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from aigc_core import CaptionedPictures, Order, UsageError, evaluate, train_model
from tests.palettes import HUES

SELECT = "crossmodal/nearest embedder=palette"


def mean(picture):
    return np.asarray(picture, np.float64).mean(axis=(0, 1))


def test_the_nearest_of_the_candidates_is_kept(house, painter):
    pipeline = house()
    made = pipeline.generate("image", "red", model=painter, n=3, seed=1, candidates=4, select=SELECT)
    for artifact in made:
        selection = artifact.recipe["selection"]
        found = selection["record"]["similarities"]
        assert selection["kept"] == found.index(max(found))
        assert selection["record"]["space_id"].startswith("palette@")
        vector = pipeline.embedders.open("palette").vector(artifact.content)
        assert float(vector @ pipeline.embedders.open("palette").vector("red")) == pytest.approx(max(found), abs=1e-3)


def test_texts_are_chosen_by_the_picture_they_are_of(house, describer):
    seen = Image.new("RGB", (16, 16), HUES["blue"])
    (made,) = house().generate("text", model=describer, inputs={"input": seen}, seed=1, candidates=3, select=SELECT)
    assert "blue" in made.content


def test_without_a_prompt_there_is_nothing_to_be_near(house):
    with pytest.raises(UsageError, match="there is none"):
        house().generate("image", model="digits-gan", candidates=2, select=SELECT)


def test_an_embedder_that_is_not_there_is_named(house, painter):
    with pytest.raises(UsageError, match="unknown embedder 'pallete'"):
        house().generate("image", "red", model=painter, candidates=2, select="crossmodal/nearest embedder=pallete")


def test_what_was_made_is_held_against_its_prompts(house, painter, pairs):
    found = evaluate(
        painter, pairs, n=16, split="train", metrics=["crossmodal/match"], embedders=["palette"], pipeline=house()
    )
    assert found["match(palette)"].value > 0.8
    assert found["own prompt first(palette)"].value == 1
    assert found["own prompt first(palette)"].details == {"prompts": 4}


def test_a_match_needs_an_embedder_that_reads(house, painter, pairs):
    with pytest.raises(UsageError, match="does not look at text"):
        evaluate(
            painter, pairs, n=4, split="train", metrics=["crossmodal/match"], embedders=["pixels"], pipeline=house()
        )
    with pytest.raises(UsageError, match="makes nothing of a prompt"):
        evaluate("digits-gan", n=4, metrics=["crossmodal/match"], embedders=["palette"], pipeline=house())


def test_an_embedder_is_measured_by_what_it_finds(house, pairs):
    found = evaluate("palette", pairs, split="train", pipeline=house())
    assert found["recall@1 text→image"].value == 1, "any picture of that colour is a right answer"
    assert found["recall@1 image→text"].value == 1
    assert found["alignment"].n == found["alignment"].reference.n
    assert {measurement.metric for measurement in found.measurements} == {"crossmodal/retrieval", "crossmodal/geometry"}


def test_pairs_in_memory_will_do(house):
    pixels = np.stack([np.broadcast_to(np.uint8(hue)[:, None, None], (3, 4, 4)) for hue in HUES.values()])
    data = {"test": CaptionedPictures.joined(pixels, [[name] for name in HUES])}
    assert evaluate("palette", data, pipeline=house())["MRR text→image"].value == 1


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        ("palette", {}, "is measured by pictures with captions"),
        ("digits-cnn", {"data": "pairs"}, "makes nothing: it looks at image"),
        ("palette", {"data": "pairs", "metrics": ["frechet"]}, "is about what a model makes"),
        ("palette", {"data": {"train": None}}, "is no CaptionedPictures"),
        ("digits-gan", {"metrics": ["crossmodal/retrieval"]}, "is about embedders"),
    ],
)
def test_what_cannot_be_measured_is_refused(house, pairs, model, given, message):
    given = {**given, "data": pairs if given.get("data") == "pairs" else given.get("data")}
    with pytest.raises(UsageError, match=message):
        evaluate(model, split="train", n=4, pipeline=house(), **given)


def test_candidates_of_a_prompt_need_no_selector_to_be_named(house, painter):
    plan = house().plan(Order("image", prompt="red", model=painter, candidates=2))
    assert plan.selector.name == "crossmodal/nearest"
    with pytest.raises(UsageError, match=r"candidates need a selector.*crossmodal/nearest, text/best"):
        house().plan(Order("image", model="digits-gan", candidates=2))


def test_a_training_from_the_bundled_model_begins_where_that_is(house, pairs):
    """Its words are stored in a byte a number; what is learnt from is numbers."""
    pytest.importorskip("efficientnet_lite_pytorch")
    train_model(
        "crossmodal/joint-embedding",
        pairs,
        name="fine",
        base="emoji-joint",
        steps=1,
        seed=1,
        pipeline=house(),
        options={"batch": 4, "lr": 1e-9},
    )
    words = ["a panda", "熊猫", "red car"]
    before, after = (house().embedders.open(name).embed(words) for name in ("emoji-joint", "fine"))
    assert ((before * after).sum(axis=1) > 0.9999).all()
