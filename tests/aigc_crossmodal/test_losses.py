"""Losses of the joint embedding: what they are for known points, and what they do not fall for."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from aigc_crossmodal.losses import info_nce, mse, same, spread, vicreg


@pytest.fixture
def points():
    generator = torch.Generator().manual_seed(0)
    return tuple(normalize(torch.randn(8, 16, generator=generator), dim=1) for _ in range(2))


def test_without_equal_captions_the_contrast_is_the_cross_entropy_of_clip(points):
    pictures, texts = points
    logits = 10 * pictures @ texts.T
    places = torch.arange(8)
    clip = (cross_entropy(logits, places) + cross_entropy(logits.T, places)) / 2
    assert info_nce(pictures, texts, torch.tensor(10.0), torch.eye(8, dtype=torch.bool)).item() == pytest.approx(
        clip.item(), rel=1e-5
    )


def test_equal_captions_are_not_drawn_apart():
    pictures = normalize(torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), dim=1)
    tokens = torch.tensor([[3, 4], [3, 4], [5, 0]])
    together = same(tokens, None)
    best = info_nce(pictures, pictures, torch.tensor(100.0), together)
    assert best.item() == pytest.approx(2 / 3 * math.log(2), abs=1e-4)  # what two equal ones cannot tell
    apart = info_nce(pictures, pictures, torch.tensor(100.0), torch.eye(3, dtype=torch.bool))
    wrong = pictures.clone().requires_grad_()
    info_nce(wrong, pictures, torch.tensor(10.0), together).backward()
    assert apart.item() == pytest.approx(best.item(), abs=1e-4)
    assert wrong.grad is not None
    assert torch.allclose(wrong.grad[0], wrong.grad[1])


def test_captions_of_one_picture_belong_together():
    tokens = torch.tensor([[3, 0], [4, 0], [5, 0]])
    assert same(tokens, torch.tensor([7, 7, 8])).tolist() == [
        [True, True, False],
        [True, True, False],
        [False, False, True],
    ]


def test_one_point_for_all_is_perfect_for_mse_and_for_nothing_else():
    one = normalize(torch.ones(8, 16), dim=1)
    assert mse(one, one).item() == pytest.approx(0, abs=1e-6)
    assert spread(one).item() == pytest.approx(0, abs=1e-3)
    chance = info_nce(one, one, torch.tensor(20.0), torch.eye(8, dtype=torch.bool))
    assert chance.item() == pytest.approx(math.log(8), abs=1e-4)
    apart = torch.eye(16)
    assert vicreg(apart, apart) < vicreg(one, one)


def test_points_in_all_directions_are_spread_by_one():
    directions = torch.cat([torch.eye(16), -torch.eye(16)])
    assert spread(directions).item() == pytest.approx(1, abs=1e-5)
