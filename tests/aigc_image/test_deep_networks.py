"""Deeper networks for larger pictures: sizes they take, how far down they go, and what they are at the start."""

from __future__ import annotations

import pytest
import torch

from aigc_core import UsageError
from aigc_image.deep_networks import Refinement, deep_decoder, deep_features, halvings


@pytest.mark.parametrize(
    "shape, depth, times",
    [
        ((3, 64, 64), None, 4),
        ((3, 128, 128), None, 5),
        ((1, 28, 28), None, 2),
        ((3, 48, 96), None, 3),
        ((3, 64, 64), 3, 3),
    ],
)
def test_sides_are_halved_down_to_about_four(shape, depth, times):
    assert halvings(shape, depth) == times
    torch.manual_seed(0)
    logits = deep_decoder(3, shape, 4, depth)(torch.randn(2, 3))
    assert logits.shape == (2, *shape)
    assert deep_features(shape, 4, 8, depth)(logits).shape == (2, 8)


@pytest.mark.parametrize("shape, depth", [((3, 30, 30), None), ((1, 8, 8), None), ((3, 64, 64), 5)])
def test_sides_that_cannot_be_halved_so_often_are_refused(shape, depth):
    with pytest.raises(UsageError, match=f"sides of {shape[1]}×{shape[2]}"):
        halvings(shape, depth)


def test_a_new_decoder_draws_no_chequered_pattern():
    torch.manual_seed(0)
    logits = deep_decoder(3, (3, 32, 32), 4, None)(torch.randn(4, 3))
    blocks = logits.unflatten(2, (16, 2)).unflatten(4, (16, 2))  # (B, C, 16, 2, 16, 2)
    torch.testing.assert_close(blocks, blocks[:, :, :, :1, :, :1].expand_as(blocks))


def test_an_encoder_is_normalised_and_a_discriminator_judges_each_picture_by_itself():
    torch.manual_seed(0)
    pictures = torch.rand(4, 3, 32, 32)
    discriminator = deep_features((3, 32, 32), 4, 8, None)
    torch.testing.assert_close(discriminator(pictures)[:1], discriminator(pictures[:1]))
    encoder = deep_features((3, 32, 32), 4, 8, None, normed=True)
    assert not torch.allclose(encoder(pictures)[:1], encoder(pictures[:2])[:1])


def test_refinements_change_nothing_at_first_and_stand_at_the_finest_sizes():
    torch.manual_seed(0)
    plain = deep_decoder(3, (3, 64, 64), 4, None)
    refined = deep_decoder(3, (3, 64, 64), 4, None, refined=2)
    sizes = []
    for layer in refined:
        if isinstance(layer, Refinement):
            layer.register_forward_hook(
                lambda _, given, made: sizes.append((given[0].shape[-1], torch.equal(given[0], made)))
            )
    refined(torch.randn(2, 3))
    assert sizes == [(16, True), (32, True)]
    assert len(refined) == len(plain) + 2
