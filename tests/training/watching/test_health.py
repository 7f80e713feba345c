"""Health alarms: silent on a healthy training, and clear about each illness."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from aigc_core import Noise, Pictures, TrainingOptions
from aigc_core.training.contract import Alarm
from aigc_core.training.loop import Training
from aigc_core.training.watching.health import Health
from aigc_core.training.watching.signs import Signs
from aigc_core.training.watching.snapshots import Snapshots
from aigc_image.options import VaeConfig, VaeOptions
from aigc_image.vae import Vae

LATE = 5_000  # a step at which no training is excused any more


def health(data, component=None, labels=None):
    return Health(component, Signs(data, labels, 3), steps=10_000)


def looks(health, samples=None, logs=(), step=LATE, times=2):
    """The names of the alarms that are told in several looks at the same."""
    return [alarm.name for _ in range(times) for alarm in health.look(step, dict(logs), samples)]


def half(digits, start):
    """Every other digit: two sets of the same kind."""
    return Pictures(digits.pixels[start::2], digits.labels[start::2], digits.label_names)


def pictures(data, count=64):
    chosen = np.linspace(0, len(data) - 1, count).astype(np.int64)
    return data.batch(chosen).data


def noisy(samples, amount=0.02):
    noise = torch.from_numpy(Noise(1, "test").normal(tuple(samples.shape)))
    return (samples + amount * noise).clamp(0, 1)


def test_new_pictures_of_the_same_kind_are_no_illness(digits):
    looking = health(half(digits, 0))
    assert looks(looking, pictures(half(digits, 1))) == []
    assert looking.measured["samples/diversity"] == pytest.approx(1, abs=0.1)
    assert looking.measured["samples/coverage"] > 0.6
    assert looking.measured["samples/near_copies"] < 0.06


def test_a_training_that_goes_well_raises_no_alarm_from_beginning_to_end(digits):
    config = VaeConfig(architecture="mlp", latent_dim=8, hidden=64, components=8)
    options = TrainingOptions(steps=1200, batch=16, lr=2e-3, ema_images=2000, precision="float32")
    training = Training(Vae, config, digits, options)
    sampler = Vae(config, digits.described)
    kept = Snapshots(sampler, digits, seed=5, folder=None, options=VaeOptions(), conditional=False)
    looking = Health(training.component, Signs(digits, kept.labels, 0), steps=options.steps)
    told = []
    while training.step < options.steps:
        training.take_step()
        if training.step % 150 == 0:
            for name, network in training.average.networks.items():
                sampler.networks[name].load_state_dict(network.state_dict())
            told += looking.look(training.step, training.logs.read(training.workers), kept.draw())
    assert told == []
    assert looking.measured["samples/diversity"] > 0.6


def test_one_picture_over_and_over_is_mode_collapse(digits):
    one = noisy(pictures(half(digits, 1))[:1].repeat(32, 1, 1, 1))
    looking = health(half(digits, 0))
    assert looking.look(LATE, {}, one) == []  # once may be chance
    [alarm] = looking.look(LATE + 100, {}, one)
    assert alarm.name == "mode collapse"
    assert "100% of samples are almost the same as another one" in alarm.message
    assert "learning rate" in alarm.advice
    assert looking.look(LATE + 200, {}, one) == []  # told once
    assert looking.current == (alarm,)


def test_one_picture_a_label_is_mode_collapse_though_labels_differ(digits):
    labels = torch.arange(60) % 10
    old, new = half(digits, 0), half(digits, 1)
    of_label = [np.flatnonzero(new.labels == label) for label in range(10)]
    one_each = new.batch(np.array([of_label[label][0] for label in labels])).data
    some_each = new.batch(np.array([of_label[label][place // 10] for place, label in enumerate(labels)])).data

    ill, well = health(old, labels=labels), health(old, labels=labels)
    assert looks(ill, noisy(one_each, 0.005)) == ["mode collapse"]
    assert looks(well, some_each) == []
    assert ill.measured["samples/diversity"] < 0.1
    assert well.measured["samples/diversity"] > 0.7


def test_ten_pictures_over_and_over_are_mode_collapse_though_far_from_each_other(digits):
    ten = noisy(pictures(digits, 10).repeat(6, 1, 1, 1), 0.005)
    looking = health(digits)
    assert "mode collapse" in looks(looking, ten)
    assert looking.measured["samples/diversity"] > 0.5


def test_variety_that_was_there_and_is_lost_is_mode_collapse(digits):
    looking = health(half(digits, 0))
    assert looks(looking, noisy(pictures(half(digits, 1)), 0.1)) == []
    ones = half(digits, 1).batch(np.flatnonzero(digits.labels[1::2] == 1)[np.arange(64) % 8]).data
    assert "mode collapse" in looks(looking, noisy(ones, 0.1))


def test_training_pictures_made_again_are_memorising(digits):
    looking = health(half(digits, 0))
    assert "memorising" in looks(looking, noisy(pictures(half(digits, 0))))
    assert looking.measured["samples/near_copies"] > 0.9
    [alarm] = [alarm for alarm in looking.current if alarm.name == "memorising"]
    assert "100 pictures searched" in alarm.message


def test_pictures_that_occur_many_times_are_still_found_to_be_copied(digits):
    often = Pictures(digits.pixels.repeat(20, axis=0))
    assert "memorising" in looks(health(often), noisy(pictures(digits)))


def test_blurred_pictures_are_near_to_all_and_no_copies(digits):
    blurred = torch.nn.functional.avg_pool2d(pictures(half(digits, 1)), 7, stride=1, padding=3)
    assert "memorising" not in looks(health(half(digits, 0)), blurred)


@pytest.mark.parametrize(
    ("samples", "name", "message"),
    [
        (torch.zeros(64, 1, 28, 28), "blank samples", "64 of 64 samples are black (mean 0.00)"),
        (torch.ones(64, 1, 28, 28), "blank samples", "64 of 64 samples are white (mean 1.00)"),
        (torch.full((64, 1, 28, 28), 0.4), "blank samples", "64 of 64 samples are of one colour (mean 0.40)"),
        (torch.full((64, 1, 28, 28), math.nan), "broken samples", "not finite"),
        (torch.rand(64, 1, 28, 28).round(), "saturated samples", "100% of all values in samples"),
    ],
)
def test_what_no_picture_should_be_is_told_at_the_first_look(samples, name, message):
    grey = Pictures(np.random.default_rng(0).integers(40, 200, (64, 1, 28, 28), dtype=np.uint8))
    looking = health(grey)
    [alarm] = looking.look(200, {}, samples)
    assert alarm.name == name
    assert message in alarm.message
    assert looking.look(201, {}, samples) == []
    assert looks(health(grey), samples, step=1) == ([name] if name == "broken samples" else [])


def test_black_and_white_samples_are_well_where_the_data_is_black_and_white(digits):
    drawings = Pictures((digits.pixels > 127).astype(np.uint8) * 255)
    assert looks(health(drawings), (pictures(half(digits, 1)) > 0.5).float(), step=200) == []


def test_an_alarm_that_has_passed_is_told_again_when_it_comes_back(digits):
    looking = health(half(digits, 0))
    well = pictures(half(digits, 1))
    black = torch.zeros_like(well)
    logs = {"elbo/loss": 1.0}
    assert looks(looking, black) == ["blank samples"]
    assert looks(looking, logs=logs) == []  # a look without samples says nothing of them
    assert [alarm.name for alarm in looking.current] == ["blank samples"]
    assert looks(looking, noisy(well, 0.1)) == []
    assert looking.current == ()
    assert looks(looking, black) == ["blank samples"]


def test_nothing_is_told_of_likeness_while_a_training_begins(digits):
    one = pictures(digits)[:1].repeat(64, 1, 1, 1)
    looking = Health(None, Signs(digits, None, 0), steps=20_000)
    assert looks(looking, one, step=1900, times=5) == []
    assert "mode collapse" in looks(looking, one, step=2000, times=2)


def test_a_loss_that_explodes_is_told_with_its_numbers_and_one_spike_is_not(digits):
    looking = health(digits)
    steady = [{"generator/loss": 0.7 + 0.1 * (n % 3), "generator/norm": 3.0**n} for n in range(12)]
    assert [alarm for logs in steady for alarm in looking.look(LATE, logs)] == []
    assert looking.look(LATE, {"generator/loss": 90.0}) == []
    assert looking.look(LATE, {"generator/loss": 0.8}) == []
    [alarm] = [alarm for _ in range(3) for alarm in looking.look(LATE, {"generator/loss": -90.0})]
    assert alarm.name == "loss explosion"
    assert alarm.message == "generator/loss went from about 0.8 to -90"


def test_losses_that_wander_through_zero_or_grow_slowly_do_not_explode(digits):
    looking = health(digits)
    rows = [{"critic/loss": 3 * math.sin(n), "elbo/loss": 500 * 0.8**n, "generator/loss": 1.1**n} for n in range(60)]
    assert [alarm for logs in rows for alarm in looking.look(LATE, logs)] == []


def test_a_log_that_is_no_number_is_named(digits):
    [alarm] = health(digits).look(1, {"generator/loss": 1.0, "discriminator/real": math.inf})
    assert (alarm.name, alarm.message) == ("not finite", "discriminator/real: not a finite number")


class Worried:
    """A component with an illness of its own."""

    def alarms(self, logs):
        return [Alarm("posterior collapse", f"kl is {logs['elbo/kl']}", "lower beta")] if logs["elbo/kl"] < 1 else []


def test_a_component_is_asked_for_its_own_signs(digits):
    looking = health(digits, Worried())
    assert looks(looking, logs={"elbo/kl": 5.0}) == []
    assert looks(looking, logs={"elbo/kl": 0.1}) == ["posterior collapse"]
    assert looks(health(digits, Worried()), logs={"elbo/kl": 0.1}, step=100) == []


def test_a_training_that_is_resumed_is_told_the_same(digits):
    well, one = noisy(pictures(half(digits, 1)), 0.1), pictures(digits)[:1].repeat(64, 1, 1, 1)
    course = [({"elbo/loss": 1.0 + n % 2}, (well, None, one)[n % 3 if n < 9 else 2]) for n in range(14)]
    course += [({"elbo/loss": 500.0}, None)] * 3

    def told(stops):
        looking, names = health(digits), []
        for number, (logs, samples) in enumerate(course):
            if number in stops:
                state = json.loads(json.dumps(looking.state()))
                looking = health(digits)
                looking.restore(state)
            names.append([alarm.name for alarm in looking.look(LATE + number, logs, samples)])
        return names, looking.state()

    assert told(()) == told(range(len(course)))
    assert ["loss explosion"] in told(())[0]


@pytest.mark.parametrize("count", [1, 3, 40])
def test_few_pictures_or_equal_ones_are_no_reason_to_fail(digits, count):
    few = Pictures(digits.pixels[:count])
    assert "blank samples" in looks(health(few), torch.zeros(64, 1, 28, 28))
    equal = Pictures(digits.pixels[:1].repeat(count, axis=0))
    assert looks(health(equal), pictures(digits)) == []
    assert looks(health(digits), pictures(digits, 4)) == []


def test_pictures_in_colour_are_looked_at_alike():
    colours = np.random.default_rng(0).integers(0, 256, (100, 3, 4, 4), dtype=np.uint8).repeat(8, 2).repeat(8, 3)
    data = Pictures(colours)
    assert "memorising" in looks(health(data), pictures(data))
    red = torch.zeros(64, 3, 32, 32)
    red[:, 0] = 0.8
    assert looks(health(data), red) == ["blank samples"]
