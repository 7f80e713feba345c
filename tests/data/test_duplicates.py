"""The same picture twice, and nearly the same picture twice."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from aigc_core.data import read
from aigc_core.data.duplicates import near, perceptual_hashes
from aigc_core.data.groups import equal


def of_groups(pixels):
    same = equal(picture.tobytes() for picture in pixels)
    return same, near(pixels, same)


def test_copies_are_found_under_any_name(folder, blots, encode):
    fox, cat, tree = (blots(seed, (64, 64)) for seed in range(3))
    root = folder(
        {
            "fox.png": fox,
            "fox copy.webp": encode(fox, "WEBP", lossless=True),
            "fox small.jpg": encode(fox.resize((48, 48)), "JPEG", quality=80),
            "cat.png": cat,
            "cat bright.png": cat.point(lambda value: value * 0.8 + 40),
            "tree.png": tree,
        }
    )
    survey = read(root, size=32).survey
    assert survey.exact.surplus == 1 and survey.exact.groups == (("fox copy.webp", "fox.png"),)
    assert survey.near.surplus == 3
    assert set(map(frozenset, survey.near.groups)) == {
        frozenset({"fox copy.webp", "fox.png", "fox small.jpg"}),
        frozenset({"cat.png", "cat bright.png"}),
    }
    assert survey.distinct == 3
    assert any("3 of 6 pictures are duplicates" in warning for warning in survey.warnings)


def test_different_pictures_are_no_duplicates(digits):
    same, similar = of_groups(digits.pixels)
    assert same.surplus == similar.surplus == 0


def test_every_copy_with_a_little_noise_among_many_others_is_found(digits):
    rng = np.random.default_rng(0)
    shaken = np.clip(digits.pixels.astype(int) + rng.integers(-3, 4, digits.pixels.shape), 0, 255).astype(np.uint8)
    same, similar = of_groups(np.concatenate([digits.pixels, shaken]))
    assert same.surplus == 0
    found = similar.of[200:] == np.arange(200)
    assert found.mean() > 0.9
    assert (similar.of[:200] == np.arange(200)).all()


def test_thousands_that_are_all_alike_are_one_picture(digits):
    rng = np.random.default_rng(0)
    alike = np.repeat(digits.pixels[:1], 5000, axis=0).astype(int) + rng.integers(-4, 5, (5000, 1, 28, 28))
    _, similar = of_groups(np.clip(alike, 0, 255).astype(np.uint8))
    assert similar.surplus > 4990


def test_plain_areas_of_one_colour_are_not_taken_for_each_other():
    pixels = np.stack([np.full((1, 16, 16), value, np.uint8) for value in (0, 100, 255, 100)])
    same, similar = of_groups(pixels)
    assert same.surplus == 1 and similar.surplus == 1


def test_the_hash_does_not_change_with_brightness_contrast_and_size(blots):
    picture = blots(5, (64, 64)).convert("L")
    other = picture.point(lambda value: value * 0.5 + 60).resize((32, 32), Image.Resampling.BOX)
    hashes = [
        perceptual_hashes(np.asarray(each)[None, None])[0] for each in (picture, other, blots(6, (64, 64)).convert("L"))
    ]
    apart = [int(np.bitwise_count(hashes[0] ^ other)) for other in hashes[1:]]
    assert apart[0] <= 2 < 16 < apart[1]


@pytest.mark.parametrize("count", [1, 2])
def test_few_pictures_are_no_special_case(count):
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, 8, 8), np.uint8)
    assert of_groups(pixels)[1].of.tolist() == list(range(count))
