"""Likeness of pictures, and what encoding models are measured by."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from aigc_metrics.legibility import classifier_score, label_accuracy, score
from aigc_metrics.likelihood import likelihood
from aigc_metrics.options import LikelihoodOptions, ReconstructionOptions
from aigc_metrics.reconstruction import psnr, reconstruction
from aigc_metrics.ssim import ssim


def slow_ssim(one, other):
    """Wang et al. 2004, eq. 13 at each place of an 11×11 window, written out."""
    at = np.arange(11) - 5
    window = np.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    found = []
    for top in range(one.shape[0] - 10):
        for left in range(one.shape[1] - 10):
            a, b = (picture[top : top + 11, left : left + 11] for picture in (one, other))
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            both = (window * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = 0.01**2, 0.03**2
            found.append(
                (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
            )
    return np.mean(found)


def test_ssim_is_the_formula_written_out(random):
    one = random.random(size=(2, 3, 14, 17))
    other = np.clip(one + 0.2 * random.normal(size=one.shape), 0, 1)
    expected = [np.mean([slow_ssim(a, b) for a, b in zip(x, y, strict=True)]) for x, y in zip(one, other, strict=True)]
    assert ssim(torch.from_numpy(one), torch.from_numpy(other)).tolist() == pytest.approx(expected, rel=1e-6)


def test_ssim_of_a_picture_with_itself_is_one_and_of_its_negative_below_zero(digits):
    pictures = torch.from_numpy(digits.pixels[:8]).float() / 255
    assert ssim(pictures, pictures).tolist() == pytest.approx([1] * 8, abs=1e-5)
    assert (ssim(pictures, 1 - pictures) < 0).all()


def test_psnr_in_decibels():
    assert psnr(torch.tensor([1.0, 0.01, 0.0])).tolist() == pytest.approx([0, 20, 100])


class Darkening:
    """Encodes a picture as itself, and makes it again a tenth darker; knows its own likelihood."""

    def encode(self, data):
        return data.flatten(1)

    def sample(self, latent, condition):
        return latent.view(-1, 1, 28, 28) * 0.9

    def log_likelihood(self, data, noise, samples):
        return torch.full((len(data),), -200.0), torch.full((len(data),), -float(samples))


def test_reconstruction_of_real_pictures(arrays, digits):
    evidence = arrays(pictures={"reference": digits.pixels}, component=Darkening())
    measured = {each.name: each for each in reconstruction(evidence, ReconstructionOptions(most=30))}
    pixels = digits.pixels[:30].reshape(30, -1) / 255
    expected = (0.01 * pixels**2).mean(axis=1)
    assert measured["reconstruction MSE"].value == pytest.approx(expected.mean(), rel=1e-4)
    assert measured["reconstruction PSNR"].value == pytest.approx((-10 * np.log10(expected)).mean(), rel=1e-4)
    assert 0.9 < measured["reconstruction SSIM"].value < 1
    assert {each.n for each in measured.values()} == {30}


def test_pictures_smaller_than_the_window_have_no_ssim(arrays):
    class Same(Darkening):
        def sample(self, latent, condition):
            return latent.view(-1, 1, 8, 8)

    evidence = arrays(pictures={"reference": np.full((4, 1, 8, 8), 9, np.uint8)}, component=Same())
    names = [each.name for each in reconstruction(evidence, ReconstructionOptions())]
    assert names == ["reconstruction MSE", "reconstruction PSNR"]


def test_likelihood_in_nats_and_bits(arrays, digits):
    evidence = arrays(pictures={"reference": digits.pixels}, component=Darkening())
    elbo, tighter, bits = likelihood(evidence, LikelihoodOptions(most=50, samples=20))
    assert (elbo.name, elbo.value, elbo.n) == ("NLL by ELBO", 200, 50)
    assert (tighter.name, tighter.value) == ("NLL by IWAE-20", 20)
    assert bits.value == pytest.approx(20 / (784 * math.log(2)))


def test_classifier_score_from_one_to_the_number_of_classes():
    assert score(np.eye(4)) == pytest.approx(4), "sure, and each class as often as the others"
    assert score(np.full((9, 4), 0.25)) == pytest.approx(1), "never sure"
    assert score(np.tile(np.eye(4)[:1], (9, 1))) == pytest.approx(1), "sure, and always of the same class"
    assert score(np.eye(4), np.array([2.0, 2, 0, 0])) == pytest.approx(2)


def test_classifier_score_of_evidence(arrays):
    chances = np.repeat(np.eye(4), 25, axis=0)
    (measured,) = classifier_score(arrays(chances={"generated": chances[:50], "floor": chances}), None)
    assert (measured.value, measured.floor) == (pytest.approx(2), pytest.approx(4))
    assert 1 <= measured.interval.low <= 2 <= measured.interval.high


def test_label_accuracy_goes_by_name_not_by_place(arrays):
    chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])  # says cat, dog, cat, cat
    evidence = arrays(
        chances={"generated": chances},
        asked={"generated": np.array([1, 0, 1, 0])},  # asked for cat, dog, cat, dog
        labels=("dog", "cat"),
        classes=("cat", "dog"),
    )
    (measured,) = label_accuracy(evidence, None)
    assert measured.value == 0.75
    assert measured.floor is None
