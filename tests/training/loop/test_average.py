"""Averaged weights, against the formula worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from aigc_core.training.loop.average import Average, decay


@pytest.mark.parametrize(
    "half_life, seen, expected",
    [
        (10_000, 1_000_000, 0.5 ** (64 / 10_000)),
        (10_000, 200_000, 0.5 ** (64 / 10_000)),  # 5 % of what was seen: the ramp ends
        (10_000, 64_000, 0.5 ** (64 / 3_200)),  # the ramp: 5 % of 64,000
        (10_000, 1_280, 0.5),
        (0, 64_000, 0.0),
    ],
)
def test_the_old_average_keeps_half_its_share_each_half_life(half_life, seen, expected):
    assert decay(64, half_life, seen) == pytest.approx(expected)


def test_after_a_half_life_half_of_the_start_is_left():
    kept = 1.0
    for _ in range(100):
        kept *= decay(batch=10, half_life=1000, seen=10**9)
    assert kept == pytest.approx(0.5)


def test_parameters_are_averaged_and_buffers_copied():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = Average({"network": network}, half_life=100)
    expected = network[0].weight.detach().clone()
    for seen in (50, 100, 10_000):
        network(torch.randn(8, 2))
        with torch.no_grad():
            network[0].weight.add_(1.0)
        live = network[0].weight.detach().clone()
        average.update(50, seen)
        share = 0.5 ** (50 / min(100, 0.05 * seen))
        expected = share * expected + (1 - share) * live
        assert torch.equal(network[0].weight, live)
        torch.testing.assert_close(average.networks["network"][0].weight, expected, check_stride=False)
        assert torch.equal(average.networks["network"][1].running_mean, network[1].running_mean)
        assert average.networks["network"][1].num_batches_tracked == network[1].num_batches_tracked
    assert not torch.allclose(expected, live)


def test_without_a_half_life_the_average_is_the_newest_weights():
    network = nn.Linear(2, 2)
    average = Average({"network": network}, half_life=0)
    with torch.no_grad():
        network.weight.fill_(3.0)
    average.update(1, 1)
    assert torch.equal(average.networks["network"].weight, network.weight)
