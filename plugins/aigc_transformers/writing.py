"""Running transformers' ``generate`` and passing its texts on as they come.

It runs in a thread of its own, because it gives nothing back before it is done. What it has written is looked at after
each token, there where it asks whether to stop.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import StoppingCriteria

from aigc_transformers.reading import Reader


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a row so far, of which nothing will be taken back."""

    row: int
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """What ``generate`` returned."""

    sequences: Tensor


@dataclass(frozen=True, slots=True)
class _Broken:
    """What ``generate`` raised."""

    error: BaseException


class Progress(StoppingCriteria):
    """Looks at what is written after each token: tells of it, and says which rows have ended.

    Args:
        readers: of each text; with beams, several rows are one text's.
        start: how many tokens of each row are not the model's.
        ends: tokens that end a text.
        tell: told of each draft that has grown; None: of nothing.

    Attributes:
        counts: how many tokens each row had when it ended, its end token included; so many as there are until then.
    """

    def __init__(
        self, readers: Sequence[Reader], start: int, ends: Collection[int], tell: Callable[[Draft], None] | None
    ) -> None:
        self._readers = readers
        self._start = start
        self._ends = frozenset(ends)
        self._tell = tell
        self._told = [""] * len(readers)
        self._ended: set[int] = set()
        self.counts = [0] * len(readers)
        self.cancelled = threading.Event()

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        rows = input_ids[:, self._start :].tolist()
        if self._tell is None:
            ended = [self._reader(place, len(rows)).read(row).stopped for place, row in enumerate(rows)]
        else:
            ended = [self._look(place, row) for place, row in enumerate(rows)]
        if self.cancelled.is_set():
            ended = [True] * len(rows)
        return torch.tensor(ended, device=input_ids.device)

    def _reader(self, row: int, rows: int) -> Reader:
        return self._readers[row * len(self._readers) // rows]

    def _look(self, row: int, tokens: list[int]) -> bool:
        if row in self._ended:
            return True
        written = self._readers[row].read(tokens)
        self.counts[row] = len(tokens)
        if written.stopped or tokens[-1] in self._ends:
            self._ended.add(row)
        if written.settled != self._told[row] and self._tell:
            self._told[row] = written.settled
            self._tell(Draft(row, written.settled))
        return row in self._ended


def running(
    generate: Callable[[Progress], Tensor],
    readers: Sequence[Reader],
    start: int,
    ends: Collection[int],
    *,
    drafts: bool,
) -> Generator[Draft | tuple[Done, Progress], None, None]:
    """Yield drafts while `generate` runs, and what it returned in the end; closing the iterator stops it.

    Args:
        generate: called in the other thread with the criterion that it has to ask.
        readers, start, ends: see `Progress`.
        drafts: whether rows are texts; beams are not.
    """
    told: queue.SimpleQueue[Draft | Done | _Broken] = queue.SimpleQueue()
    progress = Progress(readers, start, ends, told.put if drafts else None)

    def work() -> None:
        try:
            told.put(Done(generate(progress)))
        except BaseException as error:  # noqa: BLE001 - it is raised again where the texts are waited for
            told.put(_Broken(error))

    thread = threading.Thread(target=work, name="aigc-generate", daemon=True)
    thread.start()
    try:
        while True:
            match told.get():
                case Draft() as draft:
                    yield draft
                case Done() as done:
                    yield done, progress
                    return
                case _Broken(error):
                    raise error
    finally:
        progress.cancelled.set()
        thread.join()
