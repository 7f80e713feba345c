"""What shows in texts that a training goes wrong: silent on real texts, clear about each illness."""

from __future__ import annotations

import numpy as np
import pytest

from aigc_core import Final, TextData
from aigc_core.training.watching.health import Health
from aigc_core.training.watching.text_samples import HIDDEN, TextSamples
from aigc_core.training.watching.text_signs import Copies, TextSigns, pieces, repetition, variety

LATE = 5_000
NOUNS = "dog cat king river stone bird house garden ship queen tower letter road soldier child".split()  # noqa: SIM905
VERBS = "sees finds loves loses follows hears carries forgets builds paints guards".split()  # noqa: SIM905


def sentences(count, seed=0):
    draw = np.random.default_rng(seed)

    def one():
        first, second, third = draw.choice(NOUNS, 3)
        return f"the {first} {draw.choice(VERBS)} a {second} and {draw.choice(VERBS)} the {third}"

    return [one() for _ in range(count)]


@pytest.fixture(scope="module")
def real():
    return sentences(3000)


def told(real, samples):
    health = Health(None, TextSigns(real, seed=0), steps=10_000)
    return {alarm.name for _ in range(2) for alarm in health.look(LATE, {}, samples)}


def test_new_texts_of_the_same_kind_raise_no_alarm(real):
    assert told(real, sentences(32, seed=1)) == set()


def test_one_text_over_and_over_is_a_collapse(real):
    assert "mode collapse" in told(real, sentences(1, seed=2) * 32)


def test_going_round_in_circles_is_repetition(real):
    assert "repetition" in told(real, [f"{noun} and {noun} " * 12 for noun in NOUNS * 2])


def test_training_texts_written_again_are_memorising(real):
    verses = [" while ".join(each) for each in zip(sentences(500, 5), sentences(500, 6), strict=True)]
    assert "memorising" in told(verses, verses[:32])


def test_empty_samples_are_told_at_once(real):
    health = Health(None, TextSigns(real, seed=0), steps=10_000)
    assert [alarm.name for alarm in health.look(LATE, {}, ["", " "] * 16)] == ["blank samples"]


def test_pieces_are_the_runs_of_a_text():
    assert len(pieces("abcdef", 4)) == 3 and len(pieces("abc", 4)) == 0
    assert len(np.unique(pieces("abababab", 2))) == 2
    assert pieces("春夏秋冬", 2)[0] == pieces("一春夏", 2)[1] != pieces("夏春", 2)[0]


def test_numbers_are_what_they_say():
    assert repetition("abcdabcd") == pytest.approx(1 - 4 / 5)
    assert variety(["abcd", "abcd"]) == 0.5
    shares = Copies.of(["春眠不觉晓，处处闻啼鸟"])
    assert shares.length == 5
    assert shares.share("春眠不觉晓，处处闻啼鸟") == 1.0 and shares.share("夜来风雨声，花落知多少") == 0.0


class Shuffled:
    """Writes training texts with their words in another order; the noise decides which."""

    networks: dict = {}  # noqa: RUF012 - as little of a component as is looked at

    def generate(self, items):
        for index, item in enumerate(items):
            words = (item.prompt or NOUNS[item.noise.choice(len(NOUNS))]).split()
            label = [item.condition.value] if item.condition.kind == "label" else []
            yield Final(index, " ".join([*label, *sorted(words, key=lambda _: item.noise.uniform())]))


def test_samples_of_one_seed_are_the_same_at_every_step_and_are_moderated(tmp_path):
    data = TextData(sentences(40), labels=np.arange(40) % 2, label_names=("sad", "glad"))
    samples = TextSamples(
        Shuffled(), data, seed=3, folder=tmp_path, options=None, labels=data.label_names,
        allowed=lambda text: not text.startswith("sad"),
    )  # fmt: skip
    first = samples.take(10)
    assert samples.take(20) == first
    assert [text.split()[0] for text in first[:4]] == ["sad", "glad", "sad", "glad"]
    shown = (tmp_path / "step-0000010.txt").read_text()
    assert shown.count(HIDDEN) == 16 and first[1] in shown and first[0] not in shown


def test_a_component_that_transforms_is_given_sources(tmp_path):
    texts = sentences(20)
    data = TextData(texts, sources=[f"{text} indeed" for text in texts])
    samples = TextSamples(Shuffled(), data, seed=3, folder=tmp_path, options=None)
    assert all("indeed" in text.split() for text in samples.draw())
    samples.last(tmp_path, data)
    assert "stands in training texts" in (tmp_path / "neighbours.txt").read_text()
