"""Where a training runs: devices, arithmetic, and shares of a batch."""

from __future__ import annotations

import pytest
import torch

from aigc_core import TrainingOptions, UsageError
from aigc_core.training.loop.devices import Workers, workers

CPU = torch.device("cpu")


def test_without_anything_said_it_is_the_cpu_or_a_gpu_alone():
    found = workers(TrainingOptions())
    assert (found.index, found.count) == (0, 1)
    assert found.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert found.precision in ("float32", "bfloat16")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_an_error():
    with pytest.raises(UsageError, match="cuda"):
        workers(TrainingOptions(device="cuda"))


def test_a_batch_must_be_shared_out_evenly():
    shares = [Workers(CPU, index=index, count=4).share(32) for index in range(4)]
    assert [(share.start, share.stop) for share in shares] == [(0, 8), (8, 16), (16, 24), (24, 32)]


@pytest.mark.parametrize("precision, dtype", [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_arithmetic_is_as_asked_and_weights_stay_float32(precision, dtype):
    layer = torch.nn.Linear(4, 4)
    place = Workers(CPU, precision)
    place.place(layer)
    with place.arithmetic():
        assert layer(torch.ones(2, 4)).dtype is dtype
    assert layer.weight.dtype is torch.float32
    assert layer(torch.ones(2, 4)).dtype is torch.float32


def test_alone_nothing_is_exchanged():
    alone = Workers(CPU)
    assert alone.agree(3.5) == 3.5
    assert alone.any(True)
    assert not alone.any(False)
    assert torch.equal(alone.mean(torch.ones(2)), torch.ones(2))
