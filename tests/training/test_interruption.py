"""Ctrl-C during a training: noted, not raised; a second one is as ever."""

from __future__ import annotations

import os
import signal

import pytest

from aigc_core.training.interruption import Interruption


@pytest.fixture(autouse=True)
def ctrl_c():
    """A job in the background starts with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_handlers_are_given_back(number):
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert not interruption.wanted
        os.kill(os.getpid(), number)
        assert interruption.wanted
    assert signal.getsignal(number) is before


def test_a_second_one_interrupts_at_once():
    with pytest.raises(KeyboardInterrupt), Interruption():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
