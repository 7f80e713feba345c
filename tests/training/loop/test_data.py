"""What is learnt from, and the order in which it is seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aigc_core import DataShape, UsageError
from aigc_core.training import Pictures
from aigc_core.training.loop.data import DataOrder, in_order


def test_every_epoch_is_a_permutation_of_its_own():
    order = DataOrder(10, seed=3)
    epochs = [order.indices(10 * epoch, 10).tolist() for epoch in range(20)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 15


def test_the_order_depends_on_the_seed():
    assert DataOrder(50, seed=3).indices(0, 50).tolist() != DataOrder(50, seed=4).indices(0, 50).tolist()


def test_the_order_depends_on_the_place_alone_and_not_on_what_was_asked_before():
    whole = DataOrder(7, seed=1).indices(0, 100).tolist()
    jumping = DataOrder(7, seed=1)
    for start, count in [(60, 20), (0, 5), (99, 1), (5, 30), (6, 1)]:
        assert jumping.indices(start, count).tolist() == whole[start : start + count]


def test_a_batch_larger_than_the_data_runs_through_several_epochs():
    counts = np.bincount(DataOrder(3, seed=0).indices(0, 10))
    assert sorted(counts.tolist()) == [3, 3, 4]


def test_pictures_come_as_floats_in_the_order_asked_for(digits):
    batch = digits.batch(np.array([5, 0, 5]))
    assert (batch.data.shape, batch.data.dtype) == ((3, 1, 28, 28), torch.float32)
    assert (batch.data.min().item(), batch.data.max().item()) == (0.0, 1.0)
    assert torch.equal(batch.data[0] * 255, torch.from_numpy(digits.pixels[5]).float())
    assert torch.equal(batch.data[0], batch.data[2])
    assert batch.condition.tolist() == digits.labels[[5, 0, 5]].tolist()
    assert batch.condition.dtype is torch.int64


def test_going_through_the_data_in_order_yields_everything_once(digits):
    batches = list(in_order(digits, size=64))
    assert [len(batch.data) for batch in batches] == [64, 64, 64, 8]
    assert torch.cat([batch.condition for batch in batches]).tolist() == digits.labels.tolist()


def test_pictures_are_described_by_their_shape_and_the_names_of_their_labels(digits):
    assert digits.described == DataShape((1, 28, 28), tuple("0123456789"))
    assert Pictures(digits.pixels).described == DataShape((1, 28, 28))
    assert Pictures(digits.pixels).batch(np.array([0])).condition is None


PIXELS = np.zeros((3, 1, 4, 4), np.uint8)


@pytest.mark.parametrize(
    "pixels", [PIXELS.astype(np.float32), PIXELS[0], PIXELS[:0]], ids=["floats", "one picture", "nothing"]
)
def test_what_is_not_a_stack_of_byte_pictures_is_refused(pixels):
    with pytest.raises(UsageError, match=r"give uint8 of shape \(N, C, H, W\)"):
        Pictures(pixels)


@pytest.mark.parametrize(
    "labels, message",
    [
        ([0, 1], r"3 pictures have \(2,\) labels"),
        ([[0], [1], [0]], r"3 pictures have \(3, 1\) labels"),
        ([0, 1, 2], "labels go from 0 to 2 .*there are 2 names"),
        ([0, -1, 1], "labels go from -1 to 1"),
    ],
)
def test_labels_that_do_not_fit_pictures_and_names_are_refused(labels, message):
    with pytest.raises(UsageError, match=message):
        Pictures(PIXELS, np.array(labels), ("cat", "dog"))


@pytest.mark.parametrize(
    "pixels, labels",
    [
        (np.zeros((2, 0, 8, 8), np.uint8), None),
        (np.zeros((2, 1, 8, 8), np.uint8), np.array([0.5, 0.0])),
    ],
)
def test_empty_pictures_and_broken_labels_are_refused(pixels, labels):
    with pytest.raises(UsageError):
        Pictures(pixels, labels, ("a", "b"))
