"""Texts while they are written: whoever listens reads along, as far as moderation has judged."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from aigc_core import Artifact, ArtifactCreated, Failed, Order, PluginError, PreviewMade


@pytest.fixture
def write(pipeline):
    """Write texts with ``studio/poet``; return the result, and the events."""

    def run(*prompt, toml="", model="studio/poet", **order):
        seen = []
        result = pipeline(toml).generate("text", *prompt, model=model, on_event=seen.append, **order)
        return result, seen

    return run


def previews(seen, index=0):
    return [event.content for event in seen if isinstance(event, PreviewMade) and event.index == index]


UNFILTERED = '[moderation]\nskip = ["no-gold"]\n'
WHOLE = """
from aigc_core import FilterSpec, hookimpl

@hookimpl
def aigc_filters():
    return [FilterSpec("acme/whole", "text", lambda text, context: [])]
"""


def test_a_text_grows_and_what_was_seen_is_its_beginning(write):
    (made,), seen = write("the", seed=3, toml=UNFILTERED)
    grown = previews(seen)
    assert grown[0].startswith("the ")
    assert grown[-1] == made.content
    assert len(grown) == 6
    assert all(later.startswith(earlier) for earlier, later in pairwise(grown))


def test_reading_along_changes_nothing(write, pipeline):
    (made,), _ = write(seed=6)
    assert pipeline().generate("text", model="studio/poet", seed=6)[0].recipe_id == made.recipe_id


def test_who_does_not_listen_makes_nobody_write_drafts(pipeline):
    """``wrong=number`` is found out only where a Partial is made."""
    poem = {"model": "studio/poet", "options": {"wrong": "number"}, "seed": 6}
    assert pipeline().generate("text", **poem).artifacts
    with pytest.raises(PluginError, match="yielded a int as a Partial"):
        pipeline().generate("text", on_event=print, **poem)


def test_text_is_held_back_by_the_window_of_the_filters(write):
    (made,), seen = write(seed=6)
    assert previews(seen)[-1] == made.content[:-4], "studio's filter has a window of four characters"


def test_a_text_that_moderation_blocks_is_seen_only_before_what_is_found(write):
    blocked = [(result, seen) for result, seen in (write(seed=seed) for seed in range(20)) if result.blocked]
    assert blocked, "some of twenty poems speak of gold"
    assert any(previews(seen) for _, seen in blocked)
    for (outcome,), seen in blocked:
        assert outcome.stage == "artifact"
        assert not any(text.endswith((" g", " go", " gol", " gold")) for text in previews(seen))


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"post": ["shout"]}, "the postprocessor 'shout' takes whole texts"),
        ({"candidates": 2, "select": "studio/longest"}, "of several candidates one is kept"),
    ],
)
def test_what_needs_whole_texts_lets_none_out_before(pipeline, write, order, reason):
    from aigc_core.pipeline.streaming import whole_because

    (made,), seen = write(seed=6, **order)
    assert isinstance(made, Artifact)
    assert previews(seen) == []
    assert whole_because(pipeline().plan(Order("text", model="studio/poet", **order))) == reason


def test_a_filter_that_needs_whole_texts_lets_none_out_before(studio):
    from aigc_core import Pipeline
    from aigc_core.pipeline.streaming import whole_because

    Path("whole.py").write_text(WHOLE)
    house = Pipeline(plugins=[studio, "whole.py"])
    seen = []
    assert house.generate("text", model="studio/poet", seed=6, on_event=seen.append).artifacts
    assert previews(seen) == []
    assert whole_because(house.plan(Order("text", model="studio/poet"))) == "the filter 'acme/whole' judges whole texts"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("back", "took back text that it had yielded as a Partial"),
        ("another", "made another text than it had yielded as a Partial"),
        ("number", "yielded a int as a Partial, not a str"),
        ("torn", "half a character in a Partial"),
        ("raise", "out of ink"),
    ],
)
def test_a_generator_that_breaks_its_word_is_named(write, wrong, message):
    with pytest.raises(PluginError, match=rf"'studio/poet' \(plugin studio .*{message}"):
        write(options={"wrong": wrong}, toml=UNFILTERED)


def test_half_a_character_is_no_text(pipeline):
    (failed,) = pipeline().generate("text", model="studio/poet", options={"wrong": "half"})
    assert isinstance(failed, Failed)
    assert "'studio/poet' (plugin studio" in failed.error
    assert "returned half a character (a lone surrogate) at position 5" in failed.error


# Several at once


@pytest.fixture
def poems(model_without_weights):
    """A model whose calls have four items."""
    return str(model_without_weights("poems", "studio/poet", prompt="optional", micro_batch=4).absolute())


def test_the_texts_of_one_call_grow_side_by_side(write, poems):
    result, seen = write(model=poems, n=3, seed=3, toml=UNFILTERED)
    order = [event.index for event in seen if isinstance(event, PreviewMade)]
    assert order[:6] == [0, 1, 2, 0, 1, 2]
    assert set(order) == {0, 1, 2}, "what pads the call is seen by nobody"
    assert [previews(seen, index)[-1] for index in range(3)] == [made.content for made in result]


def test_a_text_is_the_same_alone_and_among_others(write, poems):
    together, _ = write(model=poems, n=6, seed=3, toml=UNFILTERED)
    alone, _ = write(model=poems, n=1, seed=7)
    assert alone[0].digest == together[4].digest


def test_an_item_is_finished_as_soon_as_it_and_those_before_it_are_made(write, poems):
    """The first word of seed 4 is the moon, and ends it."""
    (first, *_), seen = write("the", model=poems, n=3, seed=4, options={"stop": ["moon"]}, toml=UNFILTERED)
    created = [place for place, event in enumerate(seen) if isinstance(event, ArtifactCreated)]
    assert first.content == "the"
    assert [seen[place].artifact.index for place in created] == [0, 1, 2]
    assert created[0] == 1, "it is finished before the others have a word"
