"""What the benchmarks share: processes, calls and trainings timed in turn, medians, versions, tables, bars."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Time:
    """Seconds of CPU (user and system, children included) and by the clock."""

    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class Bar:
    """What a number must not exceed, or, with `least`, must reach."""

    what: str
    value: float
    limit: float
    unit: str = ""
    least: bool = False

    @property
    def holds(self) -> bool:
        return self.value >= self.limit if self.least else self.value <= self.limit

    @property
    def wanted(self) -> str:
        return f"{'at least' if self.least else 'at most'} {_short(self.limit)}{self.unit}"


class Session:
    """A training under way that is timed in turns, and stands still when it is not its turn.

    It runs in a thread of its own, and never at the same time as its caller: so several trainings can take turns
    without any of them being stopped, saved and started again.

    Args:
        training: called once, with a function that it calls after as many steps as make a turn.
    """

    def __init__(self, training: Callable[[Callable[[], None]], Any]) -> None:
        self._training = training
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._go = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._failure: BaseException | None = None
        self._closed = False
        self.first: Time | None = None

    def turn(self) -> Time:
        """Let the training take one turn, and time it; the first one includes its start (and its compiling)."""
        taken = time_call(self._advance)
        self.first = self.first or taken
        return taken

    def close(self) -> None:
        """End the training where it stands."""
        self._closed = True
        self._go.release()
        if self._thread.is_alive():
            self._thread.join()

    def _advance(self) -> None:
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._go.release()
        self._back.acquire()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._training(self._done)
            raise RuntimeError("the training ended before it was asked to")
        except _Closed:
            pass
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for the turn
            self._failure = error
            self._back.release()

    def _done(self) -> None:
        self._back.release()
        self._go.acquire()
        if self._closed:
            raise _Closed


class _Closed(BaseException):
    """Unwinds a training that is no longer needed; no ``except Exception`` of a peer's stops it."""


def time_process(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Time:
    """Run `command` to its end and time it, its output thrown away.

    Raises:
        SystemExit: it failed; what is fast because it fails is no result.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        list(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )
    assert process.stderr is not None
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)  # getrusage(RUSAGE_CHILDREN) would add up all children so far
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{complaint.decode()}")
    return Time(usage.ru_utime + usage.ru_stime, wall)


def time_call(function: Callable[[], Any]) -> Time:
    """Call `function` and time it in this process."""
    cpu, wall = time.process_time(), time.perf_counter()
    function()
    return Time(time.process_time() - cpu, time.perf_counter() - wall)


def medians(candidates: Mapping[str, Callable[[], Time]], runs: int) -> dict[str, Time]:
    """Time every candidate `runs` times, in turn, after one turn that does not count; return medians.

    In turn, so that a machine that gets slower or busier for a while does so for all of them.
    """
    times: dict[str, list[Time]] = {name: [] for name in candidates}
    for turn in range(runs + 1):
        for name, measure in candidates.items():
            progress(f"{name}: {turn}/{runs}")
            taken = measure()
            if turn:
                times[name].append(taken)
    progress("")
    return {
        name: Time(median(taken.cpu for taken in all_taken), median(taken.wall for taken in all_taken))
        for name, all_taken in times.items()
    }


def every(steps: int, done: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls `done` each time it has been called `steps` times."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count % steps == 0:
            done()

    return step


def one_thread() -> None:
    """Hold torch and everything below it to one thread; to be called before torch is imported."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TORCHINDUCTOR_COMPILE_THREADS"):
        os.environ[name] = "1"


def installed(package: str) -> bool:
    """Whether a peer is there; where it is not, say on stdout what is missing, and how to get it."""
    try:
        version(package)
    except PackageNotFoundError:
        print(f"MISSING: {package} is not installed, and its rows and bars are not there; pip install {package}")
        return False
    return True


def progress(line: str) -> None:
    """Say what goes on, where a person is looking."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)


def versions(*packages: str) -> str:
    """Return versions and machine in one line."""
    found = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return f"{', '.join(found)}; {_cpu()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def _cpu() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a Markdown table, so that it can be pasted into the README."""
    texts = [list(map(str, row)) for row in (columns, *rows)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(columns))]
    texts.insert(1, ["-" * width for width in widths])
    for row in texts:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")


def judge(bars: Sequence[Bar]) -> int:
    """Print a table of bars; return the exit code, 1 when one does not hold."""
    print()
    if not bars:
        print("No bar can be judged by what is there.")
        return 1
    print_table(
        ["bar", "measured", "wanted", ""],
        [[bar.what, f"{_short(bar.value)}{bar.unit}", bar.wanted, "ok" if bar.holds else "MISSED"] for bar in bars],
    )
    return 0 if all(bar.holds for bar in bars) else 1


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
