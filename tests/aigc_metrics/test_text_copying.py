"""What was made, held against the texts that were learnt from."""

from __future__ import annotations

import numpy as np
import pytest

from aigc_metrics.text import shared_runs
from aigc_metrics.text.copying import copied_lines, copying, lines_of
from aigc_metrics.text.options import CopyingOptions
from aigc_metrics.text.shared_runs import longest_shared_runs

TRAINING = [
    "In the beginning God created the heaven and the earth.",
    "And the earth was without form, and void.",
    "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。",
]


def longest_run(text, others):
    """Every run of every length, looked for in every text."""
    runs = [text[start:stop] for start in range(len(text)) for stop in range(start + 1, len(text) + 1)]
    return max((len(run) for run in runs if any(f" {' '.join(run)} " in f" {' '.join(o)} " for o in others)), default=0)


def test_longest_shared_runs():
    made = [
        "God created the heaven and the earth was without",  # 7 of the first text, the next one in another
        "THE EARTH, was without form!",
        "nothing of it",  # "of" and "it" are in none, "nothing" neither
        "",
        "他举头望明月，思故乡",
        TRAINING[2],
    ]
    assert longest_shared_runs(made, TRAINING).tolist() == [7, 5, 0, 0, 5, 20]


@pytest.mark.parametrize("chunk", [1, 40, 1 << 22])
def test_they_are_found_as_by_looking_everywhere_however_many_are_in_memory(random, monkeypatch, chunk):
    monkeypatch.setattr(shared_runs, "CHUNK", chunk)
    texts = [random.choice(list("abcd"), random.integers(0, 12)).tolist() for _ in range(60)]
    made, training = texts[:30], texts[30:]
    found = longest_shared_runs([" ".join(each) for each in made], [" ".join(each) for each in training])
    assert found.tolist() == [longest_run(each, training) for each in made]


def test_nothing_was_learnt_from_or_made():
    assert longest_shared_runs(["a b"], []).tolist() == [0]
    assert longest_shared_runs([], ["a b"]).tolist() == []
    assert longest_shared_runs(["", "…"], ["", "a"]).tolist() == [0, 0]


def test_lines_end_where_verses_do():
    assert lines_of(TRAINING[2], 5) == {"床前明月光", "疑是地上霜", "举头望明月", "低头思故乡"}
    assert lines_of("One line, with a comma.\n  Another \nno", 3) == {"One line, with a comma.", "Another"}


def test_copied_lines():
    made = ["疑是地上霜，不见一枝花。", "疑是地上，举头望月。", "x\nAnd the earth was without form, and void.", ""]
    assert copied_lines(made, TRAINING, 5) == 2
    assert copied_lines(made, TRAINING, 100) == 0


def test_copying_of_evidence(writings):
    made = [TRAINING[0], "And the earth was with child, and they knew it", "床前明月光，不见一枝花。", "a new line"]
    real = ["And the earth was given", "it rains"]
    evidence = writings({"generated": made, "reference": real, "training": TRAINING})
    runs, lines, longest = copying(evidence, CopyingOptions(run=4))
    assert (runs.name, runs.value, runs.n, runs.better) == ("copied runs of 4", 0.75, 4, "lower")
    assert runs.interval.low < 0.75 < runs.interval.high < 1
    assert runs.details == {"real": 0.5, "n of real": 2}
    assert (lines.name, lines.value) == ("copied lines", 0.5)
    assert (longest.value, longest.details["longest"]) == (np.mean([10, 4, 5, 0]), 10)
    assert longest.details["real"] == 2 and longest.details["longest of real"] == 4


def test_unseen_texts_are_not_copies(writings, random):
    """Of random words out of a large vocabulary, no eight in a row are the same twice."""
    texts = [" ".join(f"w{number}" for number in random.integers(0, 1000, 30)) for _ in range(600)]
    evidence = writings({"generated": texts[:100], "reference": texts[100:200], "training": texts[200:]})
    runs, lines, longest = copying(evidence, CopyingOptions())
    assert runs.value == lines.value == runs.details["real"] == 0
    assert runs.interval.high == pytest.approx(0.037, abs=0.001)
    assert 1 <= longest.value < 3
