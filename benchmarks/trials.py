"""Trainings that compete at one budget of CPU-seconds: run, judged, kept as JSON, and told in a table.

Every training of one entrant with one set of settings and one seed is a trial. A finished trial is a file in the
results folder, with a sheet of samples beside it, and is not run again, so a table can be built up over many runs, with
interruptions. Each entrant's
settings are tried with the first seed; those that do best on the validation split go on to the other seeds, and the
figure is that on the test split, which chose nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from measuring import Session, print_table, versions

FOR_EVER = 10**9
Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entrant:
    """One way to get pictures from data.

    Attributes:
        name: its row in the table.
        settings: what is tried; the first is the published or default one.
        train: called with settings, data, seed, steps, a function to call after each `turn` steps, and `turn`.
        samplers: called with settings, the trained model, data and seed; gives by name what makes n pictures,
            uint8 ``(n, C, H, W)``.
        share: of the budget.
        turn: steps between two looks at the clock; steps are a multiple of it.
    """

    name: str
    settings: tuple[Settings, ...]
    train: Callable[[Settings, Any, int, int, Callable[[], None], int], Any]
    samplers: Callable[[Settings, Any, Any, int], Mapping[str, Callable[[int], Any]]]
    share: float = 1.0
    turn: int = 20


@dataclass(frozen=True, slots=True)
class Contest:
    """What all entrants have in common.

    Attributes:
        data: what is learnt from.
        judge: gives named numbers of pictures; ``"validation"`` (lower is better) chooses settings.
        budget: CPU-seconds of a training.
        n: pictures that are judged.
        results: folder of finished trials.
        conditions: whatever else a trial depends on, as JSON; a trial under other conditions is run again.
    """

    data: Any
    judge: Callable[[Any], Mapping[str, float]]
    budget: float
    n: int
    results: Path
    conditions: Mapping[str, Any]

    def trial(self, entrant: Entrant, settings: Settings, seed: int) -> dict[str, Any]:
        """Return a finished trial, or run it now and keep it."""
        asked = {
            "entrant": entrant.name,
            "settings": dict(settings),
            "seed": seed,
            "budget": self.budget * entrant.share,
            "n": self.n,
            "conditions": dict(self.conditions),
        }
        path = self.results / f"{_name(entrant.name)}-{_digest(asked)}.json"
        if path.exists():
            return dict(json.loads(path.read_text(encoding="utf-8")))
        print(f"{entrant.name}, {dict(settings)}, seed {seed} …", file=sys.stderr, flush=True)
        self.results.mkdir(parents=True, exist_ok=True)
        found = asked | self._run(entrant, settings, seed, path) | {"with": versions("aigc-core", "torch", "pythae")}
        partial = path.with_suffix(f".{os.getpid()}.part")
        partial.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
        return found

    def finished(self, entrant: Entrant) -> list[dict[str, Any]]:
        """Return the trials of an entrant that are there, without running any."""
        there = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(self.results.glob("*.json"))]
        return [
            trial
            for trial in there
            if trial["entrant"] == entrant.name
            and trial["settings"] in [dict(settings) for settings in entrant.settings]
            and (trial["budget"], trial["n"]) == (self.budget * entrant.share, self.n)
            and trial["conditions"] == dict(self.conditions)
        ]

    def run(self, entrant: Entrant, seeds: Sequence[int]) -> None:
        """Try all settings with the first seed, and the best of them with the others."""
        for settings in entrant.settings:
            self.trial(entrant, settings, seeds[0])
        best = chosen([trial for trial in self.finished(entrant) if trial["seed"] == seeds[0]])
        for seed in seeds[1:]:
            self.trial(entrant, best[0]["settings"], seed)

    def _run(self, entrant: Entrant, settings: Settings, seed: int, path: Path) -> dict[str, Any]:
        steps = self._steps(entrant, settings, seed)
        last = [0.0]

        def look() -> None:
            last[0] = time.process_time()

        _seed(seed)
        started = time.process_time()
        model = entrant.train(settings, self.data, seed, steps, look, entrant.turn)
        finished = time.process_time()
        samplers: dict[str, Any] = {}
        for name, sample in entrant.samplers(settings, model, self.data, seed).items():
            _seed(seed)
            before = time.process_time()
            pictures = sample(self.n)
            samplers[name] = {"cpu_seconds": time.process_time() - before, **self.judge(pictures)}
            _write_sheet(pictures[:100], path.with_name(f"{path.stem}-{_name(name)}.png"))
        return {
            "steps": steps,
            "cpu_seconds": last[0] - started,
            "finishing_cpu_seconds": finished - last[0],
            "samplers": samplers,
        }

    def _steps(self, entrant: Entrant, settings: Settings, seed: int) -> int:
        """Decide how many steps fit into the budget, from a timed warm-up that is thrown away."""
        session = Session(lambda done: entrant.train(settings, self.data, seed, FOR_EVER, done, entrant.turn))
        _seed(seed)
        budget = self.budget * entrant.share
        taken = []
        try:
            first = session.turn().cpu
            while sum(taken) < max(1.0, 0.03 * budget) or len(taken) < 3:
                taken.append(session.turn().cpu)
        finally:
            session.close()
        turn = mean(taken)
        start = max(first - turn, 0.0)
        return max(1, round((budget - start) / turn)) * entrant.turn


def chosen(trials: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the trials with the settings whose best sampler does best on validation, with their first seed."""
    if not trials:
        return []
    first = min(trial["seed"] for trial in trials)
    best = min((trial for trial in trials if trial["seed"] == first), key=_validation)
    return [trial for trial in trials if trial["settings"] == best["settings"]]


def _validation(trial: Mapping[str, Any]) -> float:
    return min(sampler["validation"] for sampler in trial["samplers"].values())


def spread(values: Sequence[float], places: int = 2) -> str:
    """Write a mean and, of several values, their standard deviation."""
    return f"{mean(values):.{places}f}" + (f" ± {stdev(values):.{places}f}" if len(values) > 1 else "")


def figures(trials: Sequence[Mapping[str, Any]], sampler: str, number: str) -> list[float]:
    """Return one number of one sampler over trials."""
    return [trial["samplers"][sampler][number] for trial in trials]


def print_entrants(contest: Contest, entrants: Sequence[Entrant], numbers: Mapping[str, str], places: int = 2) -> None:
    """Print what has been found so far, a row for each entrant and sampler.

    Args:
        contest: what they compete in.
        entrants: in the order of the table.
        numbers: heading → name among what the judge gives.
        places: after the point.
    """
    rows = []
    for entrant in entrants:
        trials = chosen(contest.finished(entrant))
        if not trials:
            rows.append([entrant.name, "", *[""] * len(numbers), "", "", "", "", "not run yet"])
            continue
        for sampler in trials[0]["samplers"]:
            after = mean(trial["finishing_cpu_seconds"] + trial["samplers"][sampler]["cpu_seconds"] for trial in trials)
            rows.append(
                [
                    entrant.name,
                    sampler,
                    *[spread(figures(trials, sampler, number), places) for number in numbers.values()],
                    len(trials),
                    f"{mean(trial['cpu_seconds'] for trial in trials):,.0f} s",
                    f"{after:,.0f} s",
                    f"{mean(trial['steps'] for trial in trials):,.0f}",
                    ", ".join(f"{key} {value}" for key, value in trials[0]["settings"].items()),
                ]
            )
    print_table(
        ["entrant", "sampler", *numbers, "seeds", "training, CPU", "fitting and sampling, CPU", "steps", "settings"],
        rows,
    )


def _write_sheet(pictures: Any, path: Path) -> None:
    from PIL import Image

    from aigc_core.contact_sheet import contact_sheet

    images = [Image.fromarray(each[0] if len(each) == 1 else each.transpose(1, 2, 0)) for each in pictures]
    contact_sheet(images, columns=10).save(path)


def _seed(seed: int) -> None:
    import numpy as np
    import torch

    torch.manual_seed(seed)
    np.random.seed(seed)


def _digest(asked: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]


def _name(entrant: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in entrant.lower())
