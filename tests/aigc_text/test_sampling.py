"""How the next token is chosen, held against transformers' own processors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

from aigc_core import Noise
from aigc_text.sampling import FEW, Sampler, Warper


def logits(rows=5, size=400, seed=0, scale=3.0):
    return torch.randn(rows, size, generator=torch.Generator().manual_seed(seed)) * scale


@pytest.mark.parametrize(
    "ours, theirs",
    [
        ({"temperature": 0.3}, TemperatureLogitsWarper(0.3)),
        ({"temperature": 1.7}, TemperatureLogitsWarper(1.7)),
        ({"top_k": 1}, TopKLogitsWarper(1)),
        ({"top_k": 20}, TopKLogitsWarper(20)),
        ({"top_k": 1000}, TopKLogitsWarper(1000)),
        ({"top_p": 0.05}, TopPLogitsWarper(0.05)),
        ({"top_p": 0.5}, TopPLogitsWarper(0.5)),
        ({"top_p": 0.999}, TopPLogitsWarper(0.999)),
        ({"min_p": 0.1}, MinPLogitsWarper(0.1)),
        ({"min_p": 1.0}, MinPLogitsWarper(1.0)),
        ({"typical_p": 0.2}, TypicalLogitsWarper(0.2)),
        ({"typical_p": 0.9}, TypicalLogitsWarper(0.9)),
        ({"repetition_penalty": 1.5}, RepetitionPenaltyLogitsProcessor(1.5)),
        ({"repetition_penalty": 0.5}, RepetitionPenaltyLogitsProcessor(0.5)),
    ],
)
def test_an_option_does_what_transformers_does(ours, theirs):
    scores, ids = logits(), torch.arange(15).view(5, 3)
    written = torch.zeros(scores.shape, dtype=torch.bool).scatter_(1, ids, True)
    got, wanted = Warper(**ours)(scores, written), theirs(ids, scores.clone())
    assert torch.equal(got.isinf(), wanted.isinf())
    torch.testing.assert_close(got.log_softmax(dim=1), wanted.log_softmax(dim=1))


@pytest.mark.parametrize("scale", [0.01, 3.0, 50.0])
def test_a_nucleus_wider_than_a_first_look_is_found_whole(scale):
    scores = logits(rows=3, size=FEW * 6, scale=scale)
    wanted = TopPLogitsWarper(0.9)(None, scores.clone())
    assert torch.equal(Warper(top_p=0.9)(scores, None).isinf(), wanted.isinf())


@given(
    temperature=st.sampled_from([1e-30, 0.01, 1.0, 100.0]),
    top_k=st.integers(0, 50),
    top_p=st.floats(1e-6, 1),
    min_p=st.floats(0, 1),
    typical_p=st.floats(1e-6, 1),
)
def test_something_is_always_left_to_draw_from(temperature, top_k, top_p, min_p, typical_p):
    left = Warper(temperature, top_k, top_p, min_p, typical_p, 1.2)(logits(3, 40), torch.zeros(3, 40, dtype=torch.bool))
    assert not left.isnan().any()
    assert (left > -torch.inf).any(dim=1).all()


def test_at_temperature_zero_the_likeliest_is_taken_and_no_noise_drawn():
    scores, noises = logits(), [Noise(row, "x") for row in range(5)]
    assert torch.equal(Sampler([Warper(0.0, typical_p=0.1)] * 5, noises).choose(scores), scores.argmax(dim=1))
    assert noises[0].uniform(3).tolist() == Noise(0, "x").uniform(3).tolist()


def test_rows_with_options_of_their_own_are_as_if_alone():
    scores = logits(rows=3)
    warpers = [Warper(0.5), Warper(top_k=3), Warper(top_p=0.4)]
    together = Sampler(warpers, [Noise(row, "x") for row in range(3)]).choose(scores)
    alone = [
        Sampler([warper], [Noise(row, "x")]).choose(scores[row : row + 1]).item() for row, warper in enumerate(warpers)
    ]
    assert together.tolist() == alone


def test_draws_follow_the_softmax():
    scores = torch.tensor([[2.0, 1.0, 0.0, -1.0]]).expand(4000, 4)
    drawn = Sampler([Warper(0.8)] * 4000, [Noise(seed, "x") for seed in range(4000)]).choose(scores)
    shares = np.bincount(drawn.numpy(), minlength=4) / 4000
    wanted = (scores[0] / 0.8).softmax(dim=0).numpy()
    assert np.abs(shares - wanted).max() < 4 * np.sqrt(0.25 / 4000)
