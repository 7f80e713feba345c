"""Differentiable augmentation: what it changes, how far, and that gradients go through."""

from __future__ import annotations

import pytest
import torch

from aigc_image.diffaugment import AUGMENTATIONS, DRAWS, diffaugment

PICTURES = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(1))
ALL = ",".join(AUGMENTATIONS)


def uniform(count=6, seed=2):
    return torch.rand(count, DRAWS, generator=torch.Generator().manual_seed(seed))


def drawn(**places):
    """Draws of one half, which change nothing but for the hole, with some of them replaced."""
    draws = torch.full((1, DRAWS), 0.5)
    for name, value in places.items():
        draws[0, ["brightness", "saturation", "contrast", "down", "right", "top", "left"].index(name)] = value
    return draws


@pytest.mark.parametrize("policy", [*AUGMENTATIONS, ALL])
def test_shapes_stay_and_the_same_draws_give_the_same_pictures(policy):
    augmented = diffaugment(PICTURES, uniform(), policy)
    assert augmented.shape == PICTURES.shape
    assert torch.equal(augmented, diffaugment(PICTURES, uniform(), policy))
    assert not torch.equal(augmented, diffaugment(PICTURES, uniform(seed=3), policy))


@pytest.mark.parametrize("policy", AUGMENTATIONS)
def test_a_picture_is_augmented_by_its_own_draws_alone(policy):
    augmented = diffaugment(PICTURES, uniform(), policy)
    alone = diffaugment(PICTURES[2:3], uniform()[2:3], policy)
    torch.testing.assert_close(augmented[2:3], alone)


@pytest.mark.parametrize("policy", [*AUGMENTATIONS, ALL])
def test_gradients_flow_through(policy):
    pictures = PICTURES[:1, :, :8, :8].double().requires_grad_(True)
    draws = uniform(1).double()
    assert torch.autograd.gradcheck(lambda x: diffaugment(x, draws, policy), pictures)


def test_no_policy_changes_nothing():
    assert diffaugment(PICTURES, uniform(), "") is PICTURES


def test_colours_shift_and_stretch_as_far_as_their_draws_say():
    grey = torch.full((1, 3, 4, 4), 0.5)
    assert diffaugment(grey, drawn(brightness=1), "colour").unique().item() == pytest.approx(0.75)
    picture = PICTURES[:1]
    torch.testing.assert_close(diffaugment(picture, drawn(), "colour"), picture)
    faded = diffaugment(picture, drawn(saturation=0), "colour")
    torch.testing.assert_close(faded, picture.mean(dim=1, keepdim=True).expand_as(picture))
    flat = diffaugment(picture, drawn(contrast=0), "colour")
    assert flat.std() == pytest.approx(0.5 * picture.std().item(), rel=1e-4)


def test_a_shift_moves_up_to_an_eighth_and_lets_grey_in():
    shifted = diffaugment(PICTURES[:1], drawn(down=0.999, right=0), "translation")
    assert torch.equal(shifted[:, :, 2:, :-2], PICTURES[:1, :, :-2, 2:])
    assert (shifted[:, :, :2] == 0.5).all()
    assert (shifted[:, :, :, -2:] == 0.5).all()
    assert torch.equal(diffaugment(PICTURES[:1], drawn(), "translation"), PICTURES[:1])


def test_a_hole_is_half_as_wide_as_the_picture():
    cut = diffaugment(PICTURES[:1], drawn(), "cutout") != PICTURES[:1]
    assert cut[0, 0].nonzero().aminmax().min.item() == 4
    assert cut[0, 0].nonzero().aminmax().max.item() == 11
    corner = diffaugment(PICTURES[:1], drawn(top=0, left=0), "cutout") != PICTURES[:1]
    assert corner[0, 0].sum() == 16
