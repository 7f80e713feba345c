"""Options of a training, and the learning rate they give at each step."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from aigc_core import TrainingOptions


def factors(**options):
    settings = TrainingOptions(steps=8, **options)
    return [settings.lr_factor(step) for step in range(8)]


def test_a_constant_rate_stays():
    assert factors() == [1.0] * 8


def test_a_warmup_rises_to_the_full_rate_step_by_step():
    assert factors(warmup=4) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_a_cosine_falls_from_the_full_rate_towards_zero():
    falling = factors(schedule="cosine")
    assert falling[0] == 1.0
    assert falling[2] == pytest.approx((1 + 0.5**0.5) / 2)
    assert falling[4] == pytest.approx(0.5)
    assert falling == sorted(falling, reverse=True)
    assert 0 < falling[-1] < 0.05


def test_a_warmup_multiplies_the_cosine():
    both, cosine = factors(schedule="cosine", warmup=2), factors(schedule="cosine")
    assert both == [0.5 * cosine[0], *cosine[1:]]


def test_a_rate_is_one_for_all_phases_or_one_for_each():
    assert TrainingOptions(lr=0.1).lr_of("anything") == 0.1
    assert TrainingOptions(lr={"left": 0.1, "right": 0.2}).lr_of("right") == 0.2


@pytest.mark.parametrize(
    "wrong",
    [{"step": 3}, {"steps": 0}, {"lr": 0}, {"lr": {"left": -1}}, {"ema_images": -1}, {"seed": 2**63}, {"threads": 0}],
)
def test_wrong_options_are_refused_by_name(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        TrainingOptions(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"lr": 0}, {"lr": float("inf")}, {"lr": {"left": -1}}, {"betas": (1.5, 0.9)}, {"ema_images": float("inf")}],
)
def test_rates_that_no_optimizer_takes_are_refused(wrong):
    with pytest.raises(ValidationError):
        TrainingOptions(**wrong)
