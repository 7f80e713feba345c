"""Perplexity, bits per byte, another model's opinion, and what is measured of latents."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch

from aigc_core import TextData, UsageError
from aigc_core.evaluation.contract import Judge
from aigc_metrics.text.latents import delete_a_group, latents
from aigc_metrics.text.likelihood import judge, perplexity
from aigc_metrics.text.options import JudgeOptions, LatentsOptions, PerplexityOptions

TEXTS = ["abba", "abab", "bab", "霜"] * 20


class Letters:
    """Knows how often each letter is, and that a text ends after one in five: an exact model of letters."""

    def __init__(self, text="ab"):
        self.log_p = {letter: math.log(0.8 * n / len(text)) for letter, n in Counter(text).items()}

    def log_likelihood(self, texts, noise, samples):
        each = [sum(self.log_p.get(letter, -9.0) for letter in text) + math.log(0.2) for text in texts]
        return torch.tensor(each), torch.tensor(each)

    def token_counts(self, texts):
        return [len(text) + 1 for text in texts]


class Bounded(Letters):
    """Only bounds its likelihood, by a tenth of a nat with one sample and by nothing with very many."""

    def log_likelihood(self, texts, noise, samples):
        exact, _ = super().log_likelihood(texts, noise, samples)
        return exact - 0.1, exact - 0.1 / samples


def named(found):
    return {each.name: each for each in found}


def test_perplexity_and_bits_per_byte_of_an_exact_model(writings):
    found = named(perplexity(writings({"reference": TEXTS}, component=Letters()), PerplexityOptions(most=40)))
    nats = -sum(Letters().log_likelihood(TEXTS[:40], None, 1)[0].tolist())
    tokens, size = sum(len(text) + 1 for text in TEXTS[:40]), sum(len(text.encode()) for text in TEXTS[:40])
    assert list(found) == ["NLL", "perplexity", "bits per byte"]
    assert found["NLL"].value == pytest.approx(nats / 40, rel=1e-6)
    assert found["perplexity"].value == pytest.approx(math.exp(nats / tokens), rel=1e-6)
    assert found["bits per byte"].value == pytest.approx(nats / size / math.log(2), rel=1e-6)
    for each in found.values():
        assert (each.n, each.better) == (40, "lower")
        assert each.interval.low < each.value < each.interval.high
    assert found["perplexity"].details == {"likelihood": "exact", "tokens": tokens, "bytes": size}


def test_a_model_with_a_latent_gives_two_bounds_and_the_tighter_one_counts(writings):
    found = named(perplexity(writings({"reference": TEXTS}, component=Bounded()), PerplexityOptions(samples=500)))
    exact = named(perplexity(writings({"reference": TEXTS}, component=Letters()), PerplexityOptions()))
    assert list(found) == ["NLL by ELBO", "NLL by IWAE-500", "perplexity", "bits per byte"]
    assert found["NLL by ELBO"].value == pytest.approx(exact["NLL"].value + 0.1, abs=1e-5)
    assert found["NLL by IWAE-500"].value == pytest.approx(exact["NLL"].value + 0.0002, abs=1e-5)
    assert found["perplexity"].value == pytest.approx(exact["perplexity"].value, rel=1e-4)
    assert found["perplexity"].details["likelihood"] == "IWAE-500"


def test_the_uncertainty_is_that_of_texts(writings):
    """The interval shrinks with the root of their number."""
    few, many = (
        named(
            perplexity(writings({"reference": TEXTS * times}, component=Letters(), resamples=200), PerplexityOptions())
        )
        for times in (1, 10)
    )
    widths = [found["perplexity"].interval.high - found["perplexity"].interval.low for found in (few, many)]
    assert widths[0] / widths[1] == pytest.approx(math.sqrt(10), rel=0.4)


def test_what_a_model_is_steered_by_is_given_to_it(writings):
    seen = []

    class Steered(Letters):
        def log_likelihood(self, texts, noise, samples):
            seen.append(texts)
            return super().log_likelihood(texts, noise, samples)

    evidence = writings(
        {"reference": TEXTS[:3]},
        {"generated": ["x"] * 3, "reference": ["p", "q", "r"]},
        {"reference": np.array([1, 0, 1])},
        ("verse", "prose"),
        Steered(),
    )
    named(perplexity(evidence, PerplexityOptions(most=2)))
    (texts,) = seen
    assert isinstance(texts, TextData) and list(texts) == TEXTS[:2]
    assert (texts.sources, texts.labels.tolist(), texts.label_names) == (["p", "q"], [1, 0], ("verse", "prose"))


def test_a_model_that_counts_no_tokens_is_named_as_the_reason(writings):
    with pytest.raises(UsageError, match="how many tokens"):
        list(perplexity(writings({"reference": TEXTS}, component=object()), PerplexityOptions()))


def test_another_model_judges_what_was_made(writings):
    evidence = writings(
        {"generated": ["aaaa", "", "ab"], "floor": ["abab", "baba", "b"]},
        judges={"letters": Judge("letters", "0123456789abcdef", Letters("aaab"))},
    )
    found = named(judge(evidence, JudgeOptions(model="letters")))
    measured = found["perplexity by letters@01234567"]
    nats = -(4 * math.log(0.6) + math.log(0.6) + math.log(0.2) + 2 * math.log(0.2))
    assert measured.value == pytest.approx(math.exp(nats / 8), rel=1e-6)
    assert (measured.n, measured.floor_n, measured.better) == (2, 3, "lower"), "an empty text is not judged"
    assert measured.floor > measured.value
    assert "bits per byte by letters@01234567" in found


@pytest.mark.parametrize(
    ("options", "generated", "says"),
    [
        ({}, ["a"], "name the model that judges"),
        ({"model": "dumb"}, ["a"], "dumb cannot judge: it has no log_likelihood"),
    ],
)
def test_who_cannot_judge_is_refused(writings, options, generated, says):
    evidence = writings({"generated": generated}, judges={"dumb": Judge("dumb", "0" * 64, object())})
    with pytest.raises(UsageError, match=says):
        list(judge(evidence, JudgeOptions(**options)))


def test_judging_nothing_is_refused(writings):
    evidence = writings({"generated": ["", ""]}, judges={"letters": Judge("letters", "0" * 64, Letters())})
    with pytest.raises(UsageError, match="empty"):
        list(judge(evidence, JudgeOptions(model="letters")))


class Latent:
    """Has statistics that depend on the texts it is given."""

    def latent_statistics(self, texts, noise):
        class Statistics:
            kl = float(np.mean([len(text) for text in texts]))
            mutual_information = 1.5
            active_units = 7
            latent_dim = 32

        return Statistics


def test_latents(writings):
    found = named(latents(writings({"reference": TEXTS}, component=Latent()), LatentsOptions()))
    lengths = np.array([len(text) for text in TEXTS])
    assert found["KL"].value == lengths.mean() and found["KL"].better is None
    reach = 1.96 * lengths.std(ddof=1) / math.sqrt(len(lengths))
    assert found["KL"].interval.high - found["KL"].value == pytest.approx(reach, rel=0.7)
    assert (found["active units"].value, found["active units"].details) == (7, {"of": 32})
    assert found["mutual information"].interval.low == found["mutual information"].interval.high == 1.5
    assert {each.n for each in found.values()} == {80}


def test_leaving_out_groups_gives_the_interval_of_a_mean(random):
    """Which is known: ± 1.96 standard errors."""
    ratios = []
    for _ in range(40):
        values = random.normal(size=1000)
        without = np.array([np.delete(values, np.arange(group, 1000, 10)).mean() for group in range(10)])
        interval = delete_a_group(10.0, without)
        ratios.append((interval.high - 10) / (1.96 / math.sqrt(1000)))
    assert np.mean(ratios) == pytest.approx(1, abs=0.15)


def test_few_texts_and_no_latent_are_refused(writings):
    with pytest.raises(UsageError, match="at least 20 real texts"):
        list(latents(writings({"reference": TEXTS[:19]}, component=Latent()), LatentsOptions()))
    with pytest.raises(UsageError, match="no latent"):
        list(latents(writings({"reference": TEXTS}, component=object()), LatentsOptions()))
