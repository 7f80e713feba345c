"""Time estimates, with a clock that a training moves."""

from __future__ import annotations

import pytest

from aigc_core import UsageError
from aigc_core.training.estimate import Estimate, Pace, TimeLeft, Work, duration, warm_up


class Machine:
    """A training whose steps take the seconds that are given, over and over."""

    def __init__(self, *seconds, first=()):
        self.seconds, self.first = seconds, first
        self.now = 1000.0
        self.steps = 0

    def step(self):
        slow = self.first[self.steps : self.steps + 1]
        self.now += slow[0] if slow else self.seconds[self.steps % len(self.seconds)]
        self.steps += 1

    def time(self):
        return self.now

    def warm_up(self, steps=10_000, **given):
        return warm_up(self.step, steps=steps, clock=self.time, **given)


def test_the_first_slow_steps_are_taken_and_not_counted_as_usual():
    machine = Machine(0.1, first=(30.0, 5.0, 1.0))
    pace = machine.warm_up(seconds=2)
    assert pace.step == pytest.approx(0.1)
    assert pace.steps == machine.steps == pytest.approx(23, abs=1)
    assert pace.seconds == pytest.approx(machine.now - 1000)
    assert Estimate(pace).seconds(1000) == pytest.approx(36 + 997 * 0.1)


def test_the_estimate_comes_true_where_every_sixteenth_step_is_dear():
    machine = Machine(*[0.05] * 15, 1.0)
    pace = machine.warm_up(cycle=16, seconds=4)
    assert pace.steps % 16 == 0
    guessed = Estimate(pace).seconds(1600)
    while machine.steps < 1600:
        machine.step()
    assert guessed == pytest.approx(machine.now - 1000, rel=0.01)


def test_one_hiccup_does_not_move_the_estimate_and_regular_ones_do():
    smooth = Estimate(Machine(0.1).warm_up())
    assert smooth.between(10_000) == pytest.approx((1000, 1000))
    once = Estimate(Machine(0.1, first=[0.1] * 20 + [2.0]).warm_up())
    assert once.pace.step == pytest.approx(0.1)
    often = Estimate(Machine(0.1, 0.1, 0.1, 0.1, 0.1, 1.0, 0.1, 0.1, 0.12, 0.08).warm_up(seconds=30))
    assert often.pace.step == pytest.approx(0.19, rel=0.35)
    low, high = often.between(10_000)
    assert low < often.seconds(10_000) <= high


def test_slow_steps_end_the_warm_up_before_it_becomes_the_training():
    pace = Machine(40.0).warm_up(seconds=5)
    assert pace.steps == 5
    assert pace.step == 40


def test_a_short_training_is_done_when_it_is_timed():
    machine = Machine(0.1)
    for steps in (1, 2, 3, 4, 7):
        machine.steps = 0
        pace = machine.warm_up(steps=steps)
        assert pace.steps == machine.steps == steps
        assert Estimate(pace).seconds(steps) == pytest.approx(0.1 * steps)


def test_a_clock_too_coarse_to_see_a_step_is_no_reason_to_divide_by_zero():
    pace = warm_up(lambda: None, steps=50, clock=lambda: 1.0, seconds=0.01)
    assert pace.steps == 50
    assert pace.steps_per_second > 0


def test_a_training_of_no_steps_cannot_be_timed():
    with pytest.raises(UsageError, match="give one step or more"):
        Machine(0.1).warm_up(steps=0)


ESTIMATE = Estimate(Pace(0.1, 0.08, 0.13, 50, 10.0), (Work("samples", 2.0, every=100), Work("evaluation", 30.0)))


def test_what_is_done_besides_steps_counts():
    assert ESTIMATE.seconds(1000) == pytest.approx(10 + 950 * 0.1 + 10 * 2 + 30)
    assert ESTIMATE.between(1000) == pytest.approx((10 + 950 * 0.08 + 50, 10 + 950 * 0.13 + 50))


@pytest.mark.parametrize("minutes", [1, 2, 10, 600])
def test_minutes_become_the_most_steps_that_fit(minutes):
    steps = ESTIMATE.steps_for(minutes)
    assert ESTIMATE.seconds(steps) <= minutes * 60 < ESTIMATE.seconds(steps + 1)


def test_minutes_that_are_over_already_become_the_steps_that_were_taken():
    assert ESTIMATE.steps_for(0.1) == 50


def test_an_estimate_is_said_in_words_and_kept_for_the_report():
    assert ESTIMATE.words(8000) == "about 17 min (14 min to 21 min) for 8,000 steps, 10 steps a second"
    slow = Estimate(Pace(2.0, 2.0, 2.0, 5, 10.0))
    assert slow.words(5) == "about 10 s for 5 steps, 2 seconds a step"
    assert ESTIMATE.as_json(1000) == {
        "seconds": 155.0, "low": 136.0, "high": 183.5, "steps_per_second": 10.0, "measured_steps": 50,
    }  # fmt: skip


def test_time_left_follows_the_pace_of_the_last_while():
    now = [0.0]
    left = TimeLeft(1000, step=1.0, half_life=60, clock=lambda: now[0])
    assert left.update(0) == 1000
    now[0] = 60.0
    assert left.update(20) == pytest.approx((0.5 * 1 + 0.5 * 3) * 980)
    for step in range(21, 400):
        now[0] += 3
        seconds = left.update(step)
    assert seconds == pytest.approx(3 * 601, rel=0.01)
    assert left.update(1000) < 1


def test_time_left_is_not_guessed_before_anything_is_known():
    now = [0.0]
    left = TimeLeft(100, clock=lambda: now[0])
    assert left.update(10) is None
    now[0] = 5.0
    assert left.update(10) is None
    assert left.update(20) == pytest.approx(0.5 * 80)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0.4, "0 s"), (89.4, "89 s"), (150, "2.5 min"), (180, "3 min"), (599, "10 min"), (5000, "83 min")),
        *((5400, "1 h 30 min"), (7200, "2 h"), (2 * 86400, "2 d"), (90 * 3600, "3 d 18 h")),
    ],
)
def test_durations_are_as_exact_as_a_person_wants_them(seconds, words):
    assert duration(seconds) == words
