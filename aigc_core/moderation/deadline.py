"""Calling a filter with a deadline."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any


class DeadlineExceededError(Exception):
    """The call did not return in time."""


class DeadlineCaller:
    """Calls functions on a worker thread and gives up on one that hangs.

    A thread cannot be killed: one that hangs is left behind (it is a daemon, so it holds up no exit), and the next
    call gets a new one. ``concurrent.futures`` would join the hanging thread when the program ends.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Any] | None = None

    def call(self, timeout: float, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return ``function(*arguments)``, or raise what it raised.

        Raises:
            DeadlineExceededError: it took longer than `timeout` seconds.
        """
        if self._work is None:
            self._work = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(self._work,), name="aigc-filter", daemon=True).start()
        answer: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        self._work.put((function, arguments, answer))
        try:
            result, error = answer.get(timeout=timeout)
        except queue.Empty:
            self._work = None
            raise DeadlineExceededError(f"did not answer within {timeout:g} s") from None
        if error is not None:
            raise error
        return result


def _serve(work: queue.SimpleQueue[Any]) -> None:
    while True:
        function, arguments, answer = work.get()
        try:
            answer.put((function(*arguments), None))
        except BaseException as error:  # noqa: BLE001 - handed to the caller, SystemExit included
            answer.put((None, error))
