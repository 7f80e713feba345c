"""What the benchmarks share: processes and calls timed in turn, medians, versions, tables."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
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
    """What a number must not exceed."""

    what: str
    value: float
    limit: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        return self.value <= self.limit


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
    print_table(
        ["bar", "measured", "at most", ""],
        [
            [bar.what, f"{bar.value:.3g}{bar.unit}", f"{bar.limit:g}{bar.unit}", "ok" if bar.holds else "TOO MUCH"]
            for bar in bars
        ],
    )
    return 0 if all(bar.holds for bar in bars) else 1
