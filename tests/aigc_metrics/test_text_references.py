"""BLEU and ROUGE of texts made of other texts, and of texts made again."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from aigc_core import UsageError
from aigc_metrics.text.bleu import Bleu, bleu, text_reconstruction
from aigc_metrics.text.options import TextReconstructionOptions
from aigc_metrics.text.pairs import lead_sentence
from aigc_metrics.text.rouge import longest_common_subsequence, rouge, rouge_l, rouge_n
from aigc_metrics.text.words import words

#: Made, reference, and the F-measures of ROUGE-1, -2 and -L by the package rouge-score 0.1.2, without stemming.
ROUGE_SCORE = [
    ("The cat sat on the mat.", "The cat is on the mat, and the dog sat too.", 0.705882, 0.4, 0.588235),
    ("police killed the gunman", "the gunman kill police", 0.75, 0.333333, 0.5),
    (
        "A brown fox jumps over a lazy dog; the dog doesn't mind it at all.",
        "The quick brown fox jumped over the lazy dog, and the lazy dog didn't mind.",
        0.5625,
        0.2,
        0.5625,
    ),
    ("completely other words", "nothing in common here", 0, 0, 0),
    ("a a a b", "a b a a a c", 0.8, 0.75, 0.6),
    ("", "nothing was made", 0, 0, 0),
]
FACTS = ["Snow fell in the north", "Rain fell in the south", "The wind turned at noon", "Fog lay on the river"] * 10
ARTICLES = [f"Weather again today. {fact}, said the office. No one was hurt. Trains ran late." for fact in FACTS]
SUMMARIES = [f"{fact.lower()}." for fact in FACTS]


@pytest.mark.parametrize(("made", "reference", "one", "two", "longest"), ROUGE_SCORE)
def test_rouge_is_that_of_rouge_score(made, reference, one, two, longest):
    made, reference = words(made), words(reference)
    assert rouge_n(made, reference, 1) == pytest.approx(one, abs=1e-6)
    assert rouge_n(made, reference, 2) == pytest.approx(two, abs=1e-6)
    assert rouge_l(made, reference) == pytest.approx(longest, abs=1e-6)


def test_the_longest_common_subsequence_is_that_of_the_table_written_out(random):
    for _ in range(50):
        one, other = ("".join(random.choice(list("abc"), random.integers(0, 90))) for _ in range(2))
        table = np.zeros((len(one) + 1, len(other) + 1), int)
        for row, a in enumerate(one):
            for column, b in enumerate(other):
                longer = max(table[row, column + 1], table[row + 1, column])
                table[row + 1, column + 1] = table[row, column] + 1 if a == b else longer
        assert longest_common_subsequence(one, other) == table[-1, -1]


def test_bleu_of_a_corpus_is_that_of_sacrebleu():
    """The values of sacrebleu 2.6.0."""
    references = ["The cat sat on the mat.", "He was reading a book in his garden."]
    made = ["The cat sat on the mat today.", "He reads a book in the garden."]
    scorer = Bleu(references)
    assert scorer.score(scorer.counted(made, references).sum(axis=0)) == pytest.approx(49.08217883)
    made = ["A cat stood on the mat today.", "She reads in the park."]
    assert scorer.score(scorer.counted(made, references).sum(axis=0)) == pytest.approx(13.09581779), (
        "no four words match"
    )
    assert "tok:13a" in scorer.signature and "smooth:exp" in scorer.signature
    chinese = Bleu(["床前明月光，疑是地上霜。"])
    rows = chinese.counted(["床前明月光，疑是池上霜。"], ["床前明月光，疑是地上霜。"])
    assert chinese.score(rows.sum(axis=0)) == pytest.approx(73.48889200)
    assert "tok:zh" in chinese.signature


def summarising(writings, made, **more):
    texts = {"generated": made, "reference": SUMMARIES, "training": [f"It was {n} degrees." for n in range(30)]}
    return writings({**texts, **more}, {"generated": ARTICLES, "reference": ARTICLES})


def test_summaries_are_held_beside_the_lead_sentence_and_a_random_one(writings):
    made = [summary if place % 4 else "something else." for place, summary in enumerate(SUMMARIES)]
    one, two, longest = rouge(summarising(writings, made), None)
    assert [each.name for each in (one, two, longest)] == ["ROUGE-1", "ROUGE-2", "ROUGE-L"]
    assert one.value == longest.value == pytest.approx(0.75)
    assert (one.n, one.better) == (40, "higher")
    assert one.interval.low < 0.75 < one.interval.high
    for baseline in ("lead sentence", "random training text"):
        assert one.details[baseline]["value"] < 0.2
        low, high = one.details[baseline]["difference"]
        assert 0 < low < 0.75 - one.details[baseline]["value"] < high


def test_what_is_as_good_as_a_baseline_is_not_above_it(writings):
    (measured,) = bleu(summarising(writings, [lead_sentence(article) for article in ARTICLES]), None)
    assert measured.details["lead sentence"] == {"value": measured.value, "difference": [0.0, 0.0]}
    assert measured.value < 10
    assert "tok:13a" in measured.details["signature"]


def test_perfect_summaries(writings):
    (measured,) = bleu(summarising(writings, SUMMARIES), None)
    assert measured.value == pytest.approx(100) and measured.interval.low == pytest.approx(100)


def test_fewer_are_made_than_there_are_references(writings):
    (measured, *_) = rouge(summarising(writings, SUMMARIES[:7]), None)
    assert (measured.value, measured.n) == (pytest.approx(1), 7)


def test_a_model_that_makes_texts_of_nothing_has_no_references(writings):
    evidence = writings({"generated": SUMMARIES, "reference": SUMMARIES})
    for metric in (bleu, rouge):
        with pytest.raises(UsageError, match="texts of other texts"):
            list(metric(evidence, None))


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ("One is 1.5 long. Two.", "One is 1.5 long."),
        ("他来了。她走了。", "他来了。"),
        ("no end", "no end"),
        (" Line\nbreak! x", "Line\nbreak!"),
    ],
)
def test_the_lead_sentence(text, lead):
    assert lead_sentence(text) == lead


class Again:
    """Makes a text again, and forgets how every other one went on."""

    def reconstruct(self, texts):
        return [text if len(text) % 2 else text.rsplit(" ", 2)[0] for text in texts]


def test_texts_that_are_made_again(writings):
    texts = [f"{'x' * (place % 2)}a text of some words that number {place}00 has" for place in range(60)]
    same, measured = text_reconstruction(
        writings({"reference": texts}, component=Again()), TextReconstructionOptions(most=50)
    )
    assert (same.name, same.value, same.n) == ("same again", 0.5, 50)
    assert (measured.name, measured.n, measured.better) == ("reconstruction BLEU-4", 50, "higher")
    assert 70 < measured.interval.low < measured.value < measured.interval.high < 100


def test_a_model_that_cannot_make_texts_again_is_left_out(writings):
    with pytest.raises(UsageError, match="cannot make a text again"):
        list(text_reconstruction(writings({"reference": ["a"]}, component=object()), TextReconstructionOptions()))


def test_without_sacrebleu_it_is_said_what_to_install(writings, monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.bleu", None)
    with pytest.raises(UsageError, match=r"pip install 'aigc-core\[text-metrics\]'"):
        list(bleu(summarising(writings, SUMMARIES), None))
