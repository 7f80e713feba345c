"""``text/rnn`` writing: the same text whoever is written beside it, options, stop strings, what is shown on the way."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from aigc_core import Condition, Final, Item, Noise, Partial, TextData, UsageError
from aigc_core.content import EMPTY
from aigc_core.randomness import Between, NoiseBetween
from aigc_text.rnn.options import RnnOptions


def finals(component, items):
    """Return what was made, in the order of the items."""
    made = [one for one in component.generate(items) if isinstance(one, Final)]
    return sorted(made, key=lambda final: final.index)


WILD = {"temperature": 0.9, "top_p": 0.95, "repetition_penalty": 1.1, "max_tokens": 60}


@pytest.mark.parametrize("model", ["poet", "preacher"])
def test_a_text_is_the_same_alone_in_a_batch_first_or_last(request, model, items):
    component, asked = request.getfixturevalue(model), items(20, **WILD)
    together = finals(component, asked)
    assert len({final.content for final in together}) == 20
    backwards = finals(component, items(20, **WILD)[::-1])[::-1]
    assert [(one.content, one.scores) for one in together] == [(one.content, one.scores) for one in backwards]
    for item, one in list(zip(items(20, **WILD), together, strict=True))[::7]:
        (alone,) = finals(component, [item])
        assert (alone.content, alone.scores) == (one.content, one.scores)


def test_a_text_is_the_same_with_two_threads(preacher, items):
    one = finals(preacher, items(16, **WILD))
    torch.set_num_threads(2)
    assert finals(preacher, items(16, **WILD)) == one
    assert torch.get_num_threads() == 2


def test_items_with_prompts_and_options_of_their_own_are_as_if_alone(preacher, items):
    mixed = lambda: [  # noqa: E731 - noise advances: each call wants its own
        *items(1, "And", temperature=0.0, max_tokens=9),
        *items(1, "In the beginning God created the heaven", seed=1, top_k=5, max_tokens=40),
        *items(1, seed=2, max_tokens=3),
    ]
    together = finals(preacher, mixed())
    assert [final.content for final in together] == [finals(preacher, [item])[0].content for item in mixed()]


def test_copies_that_fill_a_call_are_written_once(preacher, items, monkeypatch):
    calls = []
    monkeypatch.setattr(Noise, "gumbel", lambda self, size, draw=Noise.gumbel: calls.append(size) or draw(self, size))
    first, *copies = finals(preacher, [item for _ in range(16) for item in items(1, max_tokens=5, min_tokens=5)])
    assert len(calls) == 5
    assert [copy.content for copy in copies] == [first.content] * 15


def test_more_items_than_a_call_has_rows(poet, items):
    many = finals(poet, items(70, max_tokens=4))
    assert [final.index for final in many] == list(range(70))
    assert many[69].content == finals(poet, items(1, seed=69, max_tokens=4))[0].content


def test_temperature_zero_is_the_likeliest_token_each_time(poet, items, quatrains):
    (final,) = finals(poet, items(1, "春", temperature=0.0, max_tokens=12))
    ids = [1, *poet.tokenizer.encode(final.content)]
    logits, _ = poet.rnn(torch.tensor([ids]))
    logits[..., :2] = -torch.inf
    assert logits[0, 1:-1].argmax(dim=1).tolist() == ids[2:]
    assert len({each.content for each in finals(poet, items(4, temperature=0.0))}) == 1


def test_the_score_is_the_mean_log_likelihood_of_what_was_written(poet, items):
    for final in finals(poet, items(4, temperature=0.5, max_tokens=1000)):
        (log_p,), _ = poet.log_likelihood([final.content], Noise(0, "x"), 1)
        (count,) = poet.token_counts([final.content])
        assert final.scores["log_likelihood"] == pytest.approx(float(log_p) / count, rel=1e-4)


def test_a_prompt_begins_the_text_or_is_left_out(poet, items, write):
    (kept,) = write(poet, items(1, "明月"))
    (bare,) = write(poet, items(1, "明月", echo=False))
    assert kept == "明月" + bare


def test_a_text_ends_before_a_stop_string(poet, items, write):
    free = write(poet, items(6))
    for stop in ("。", ["。", "，"], "人"):
        wanted = [min((text.partition(each)[0] for each in stop), key=len) for text in free]
        assert write(poet, items(6, stop=stop)) == wanted
    assert write(poet, items(6, stop="🐉")) == free


def test_a_stop_string_in_the_prompt_is_none(poet, items, write):
    (text,) = write(poet, items(1, "春风。", stop="。"))
    assert text.startswith("春风。")
    assert len(text) > 3


def test_a_text_has_as_many_tokens_as_are_allowed_and_wanted(poet, items, write):
    assert [len(text) for text in write(poet, items(3, max_tokens=7))] == [7, 7, 7]
    assert all(len(text) == 200 for text in write(poet, items(3, min_tokens=200, max_tokens=200)))


def test_a_long_prompt_is_read_whole(poet, items, write, quatrains):
    long = "".join(quatrains[:40])
    (text,) = write(poet, items(1, long, min_tokens=5, max_tokens=5))
    assert text.startswith(long)
    assert len(text) == len(long) + 5


def test_what_is_shown_on_the_way_is_never_taken_back(preacher, items):
    shown = {}
    for made in preacher.generate(items(3, "And 🙂", streamed=True, stop="the Lord", **WILD)):
        assert made.content.startswith(shown.get(made.index, "And 🙂"))
        shown[made.index] = made.content
    assert len(shown) == 3


def test_parts_are_shown_where_somebody_reads_along_alone(preacher, items):
    assert not [made for made in preacher.generate(items(3, **WILD)) if isinstance(made, Partial)]
    parts = [made for made in preacher.generate(items(1, streamed=True, **WILD)) if isinstance(made, Partial)]
    assert len(parts) > 10


def test_between_two_seeds_are_other_texts_and_at_the_ends_theirs(poet):
    def between(t):
        noise = NoiseBetween(Between(1, 2, t), "generate/0")
        (final,) = finals(poet, [Item(None, EMPTY, Condition(), RnnOptions(max_tokens=12), noise)])
        return final.content

    plain = [
        finals(poet, [Item(None, EMPTY, Condition(), RnnOptions(max_tokens=12), Noise(seed, "generate/0"))])[0].content
        for seed in (1, 2)
    ]
    assert [between(0.0), between(1.0)] == plain
    assert len({between(t) for t in np.linspace(0, 1, 5)}) > 2


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"top_p": 0},
        {"top_p": 1.01},
        {"top_p": math.nan},
        {"top_k": -1},
        {"min_p": 1.5},
        {"typical_p": 0},
        {"repetition_penalty": 0},
        {"repetition_penalty": math.nan},
        {"max_tokens": 0},
        {"min_tokens": 300},
        {"stop": ""},
        {"stop": ["。", ""]},
        {"beams": 0},
        {"acrostic": "春", "beams": 2},
        {"nucleus": 0.9},
    ],
)
def test_options_that_mean_nothing_are_refused(options):
    with pytest.raises(ValidationError):
        RnnOptions(**options)


def test_prompts_that_cannot_be_read_are_refused(poet, preacher, items):
    with pytest.raises(UsageError, match="'🐉'"):
        list(poet.generate(items(1, "春🐉")))
    with pytest.raises(UsageError, match="surrogate"):
        list(preacher.generate(items(1, "\ud800")))


@pytest.fixture(scope="module")
def labelled(learn):
    """A model of two kinds of texts, told which is which."""
    texts, labels = ["low", "high"] * 16, np.array([0, 1] * 16)
    return learn(TextData(texts, labels=labels, label_names=("low", "high")), 100, tokenizer="character")


def test_a_label_says_what_is_written(labelled, items, write):
    for index, name in enumerate(("low", "high")):
        asked = items(4, condition=Condition("label", name, index), temperature=0.2)
        assert set(write(labelled, asked)) == {name}


def test_the_likelihood_without_a_label_is_the_mean_over_labels(labelled):
    texts = ["low", "high", "hi"]
    found, again = labelled.log_likelihood(texts, Noise(0, "x"), 1)
    each = [labelled._log_p_given(_rows(labelled, texts), torch.full((3,), label)) for label in (0, 1)]
    torch.testing.assert_close(found, torch.stack(each).logsumexp(0) - math.log(2), rtol=1e-4, atol=1e-3)
    assert torch.equal(found, again)


def _rows(component, texts):
    from aigc_text.corpus import Rows

    return Rows.encode(texts, component.tokenizer, begin=True).padded(range(len(texts)))


def test_a_model_with_labels_wants_one(labelled, items):
    with pytest.raises(UsageError, match="wants a label: low, high"):
        list(labelled.generate(items()))


@pytest.fixture(scope="module")
def steered(learn):
    """A model conditioned by a vector that says what it is about."""
    vectors = np.tile(np.eye(4, dtype=np.float32), (8, 1))
    return learn(TextData(["sun", "moon", "star", "sea"] * 8, vectors=vectors), 100, tokenizer="character")


def test_a_vector_says_what_is_written(steered, items, write):
    for word, vector in zip(("sun", "moon", "star", "sea"), np.eye(4, dtype=np.float32), strict=True):
        asked = items(4, condition=Condition("vector", vector), temperature=0.2)
        assert set(write(steered, asked)) == {word}


def test_a_model_with_vectors_wants_one_of_its_length(steered, items):
    for condition in (Condition(), Condition("vector", np.zeros(3, np.float32))):
        with pytest.raises(UsageError, match="a vector of 4 numbers"):
            list(steered.generate(items(condition=condition)))
    with pytest.raises(UsageError, match="no likelihood of a text alone"):
        steered.log_likelihood(["sun"], Noise(0, "x"), 1)


def test_the_likelihood_of_a_text_does_not_depend_on_others_or_its_length(preacher, verses, monkeypatch):
    texts = [verses[0], "", verses[1] * 3, "x"]
    together, _ = preacher.log_likelihood(texts, Noise(0, "x"), 1)
    monkeypatch.setattr("aigc_text.rnn.model.WINDOW", 7)
    alone = torch.cat([preacher.log_likelihood([text], Noise(0, "x"), 1)[0] for text in texts])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-3)
    ids = [1, *preacher.tokenizer.encode(verses[0]), 2]
    logits, _ = preacher.rnn(torch.tensor([ids[:-1]]))
    exact = logits[0].log_softmax(1).gather(1, torch.tensor(ids[1:])[:, None]).sum()
    assert float(together[0]) == pytest.approx(float(exact), rel=1e-5)
    assert preacher.token_counts(texts) == [len(preacher.tokenizer.encode(text)) + 1 for text in texts]
