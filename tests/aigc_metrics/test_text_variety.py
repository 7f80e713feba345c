"""How varied texts are: distinct n-grams, repetition, self-BLEU."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aigc_core import Noise, UsageError
from aigc_metrics.text.ngrams import Corpus
from aigc_metrics.text.options import VarietyOptions
from aigc_metrics.text.resampling import jackknife, wilson
from aigc_metrics.text.self_bleu import self_bleu, self_bleu_metric
from aigc_metrics.text.variety import distinct, repeated_shares, repetition
from aigc_metrics.text.words import are_chinese, words

TEXTS = [
    "the cat sat on the mat",
    "the cat sat on the sofa and slept",
    "a dog sat on the mat",
    "the cat sat",
    "the the the the cat",
    "it rained all day long in the old town",
    "dog",
]
#: Of each of TEXTS against the others: NLTK 3.10.4, sentence_bleu with SmoothingFunction().method1.
NLTK = [1.0, 0.456227, 0.537285, 0.562341, 0.10295, 0.02398, 0.024066]


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("The cat's CAFÉ, no. 7!", ["the", "cat", "s", "café", "no", "7"]),
        ("床前明月光，", list("床前明月光")),
        ("用Python写", ["用", "python", "写"]),
        ("…!", []),
    ],
)
def test_words_are_words_and_chinese_characters(text, cut):
    assert words(text) == cut


def test_what_is_written_in_chinese():
    assert are_chinese(["床前明月光", "a", "疑是地上霜"]) and not are_chinese(["the 床"]) and not are_chinese([""])


def test_ngrams_stay_within_their_texts():
    corpus = Corpus.of(["a b a b", "b a b", "", "c"])
    assert corpus.lengths.tolist() == [4, 3, 0, 1]
    numbers, text = corpus.ngrams(2)
    assert text.tolist() == [0, 0, 0, 1, 1]
    ab, ba = numbers[0], numbers[1]
    assert numbers.tolist() == [ab, ba, ab, ba, ab] and ab != ba
    assert len(corpus.ngrams(4)[0]) == 1 and len(corpus.ngrams(9)[0]) == 0


def test_self_bleu_is_bleu_against_all_others():
    assert self_bleu(Corpus.of(TEXTS)).tolist() == pytest.approx(NLTK, abs=1e-6)


def test_self_bleu_of_copies_of_strangers_and_of_nothing():
    assert self_bleu(Corpus.of(["one two three four"] * 5)).tolist() == pytest.approx([1] * 5)
    assert self_bleu(Corpus.of(["a b c d", "e f g h", "", ""])).tolist() == [0] * 4


def test_self_bleu_as_a_metric(writings):
    texts = [f"{subject} {verb} the {thing} today" for subject in "abcde" for verb in "fghij" for thing in "klmno"]
    (measured,) = self_bleu_metric(writings({"generated": texts, "floor": texts[:50]}), VarietyOptions(most=50))
    assert (measured.n, measured.floor_n, measured.better) == (50, 50, None)
    assert measured.value == measured.floor == pytest.approx(self_bleu(Corpus.of(texts[:50])).mean())
    assert measured.interval.low <= measured.value <= measured.interval.high
    (measured,) = self_bleu_metric(writings({"generated": texts, "floor": texts[:49]}), VarietyOptions(most=50))
    assert measured.floor is None, "of fewer texts it is another number"


def test_distinct_shares(writings):
    evidence = writings({"generated": ["a b a b", "b a c d"], "floor": ["a b c d", "e f g h"]})
    one, two, three = distinct(evidence, VarietyOptions())
    assert [each.name for each in (one, two, three)] == ["distinct-1", "distinct-2", "distinct-3"]
    assert (one.value, two.value, three.value) == (4 / 8, 4 / 6, 4 / 4)
    assert (one.floor, one.floor_n, one.n, one.better) == (1.0, 2, 2, None)


def test_texts_of_two_words_have_no_distinct_3(writings):
    assert [each.name for each in distinct(writings({"generated": ["a b", "c"]}), VarietyOptions())] == [
        "distinct-1",
        "distinct-2",
    ]


def test_the_interval_of_distinct_is_how_it_varies_from_sample_to_sample(writings, random):
    vocabulary = [f"word{number}" for number in range(500)]
    chances = 1 / np.arange(1, 501)

    def sample():
        return [" ".join(random.choice(vocabulary, 8, p=chances / chances.sum())) for _ in range(200)]

    measured = [next(iter(distinct(writings({"generated": sample()}), VarietyOptions()))) for _ in range(30)]
    spread = np.std([each.value for each in measured], ddof=1)
    reach = np.mean([each.interval.high - each.value for each in measured])
    assert reach / spread == pytest.approx(1.96, rel=0.35)


def test_the_jackknife_of_a_mean_is_its_standard_error(random):
    values = random.normal(size=400)
    interval = jackknife(0.5, lambda places: float(values[places].mean()), 400, Noise(0, "left out"), 1000)
    assert interval.high - 0.5 == pytest.approx(1.96 * values.std() / math.sqrt(400), rel=0.1)


def test_repetition_within_a_text():
    corpus = Corpus.of(["a b c d a b c d a b c d", "a b c d e f", "too short it", "x x x x x x"])
    assert repeated_shares(corpus).tolist() == pytest.approx([1 - 4 / 9, 0, 1 - 1 / 3])


def test_repetition_as_a_metric(writings):
    evidence = writings({"generated": ["a a a a a", "a b c d e", "short"], "floor": ["a b c d"]})
    (measured,) = repetition(evidence, VarietyOptions())
    assert (measured.value, measured.n, measured.floor, measured.better) == (0.25, 2, 0.0, "lower")


def test_the_first_texts_are_looked_at_and_no_more(writings):
    (measured,) = repetition(writings({"generated": ["a b c d", "a b c d e", "a a a a a"]}), VarietyOptions(most=2))
    assert (measured.value, measured.n) == (0, 2)


@pytest.mark.parametrize(
    ("metric", "says"), [(distinct, "has any words"), (repetition, "4 words"), (self_bleu_metric, "two")]
)
def test_nothing_to_look_at_is_a_reason(writings, metric, says):
    texts = [""] if metric is self_bleu_metric else ["", "…"]
    with pytest.raises(UsageError, match=says):
        list(metric(writings({"generated": texts}), VarietyOptions()))


def test_a_share_of_nothing_found_still_has_an_interval():
    """The values of R's prop.test(x, n, correct = FALSE)."""
    for count, low, high in ((0, 0.0, 0.003827), (10, 0.005442, 0.018309), (1000, 0.996173, 1.0)):
        interval = wilson(count, 1000)
        assert (interval.low, interval.high) == (pytest.approx(low, abs=2e-6), pytest.approx(high, abs=2e-6))
