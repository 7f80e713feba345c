"""How well a language model foresees characters after an equal budget of CPU-seconds, one thread: nats per character.

    python benchmarks/rnn_quality.py [--budget SECONDS] [--seeds 0 1 2]

The King James Bible, verse by verse a line, parted by chapter; the figure is that on the test chapters, which chose
nothing. The peer is a GPT with nanoGPT's published recipe for a CPU, judged as its script does, block by block, and
also with at least half a block before each character that counts, which is better for it; the bar takes the better one.
Ours is ``text/rnn`` with its settings for little time, reading on from character to character. How many steps a budget
holds is measured first, both in turn; what each then used is in the table.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

from measuring import Bar, Session, every, judge, medians, one_thread, print_table, progress, versions

one_thread()
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "recipes"))

GPT, OURS = "GPT, nanoGPT's recipe", "ours, LSTM"
TURN, TURNS = 20, 5  # steps that are timed at once, and how often
FOR_EVER = 10**9


class Characters:
    """The text of a part, and as numbers of characters."""

    def __init__(self) -> None:
        import verses

        self.text = {part: "\n".join(verses.load(part).texts) for part in ("train", "test")}
        self.vocabulary = sorted(set("".join(self.text.values())))

    def numbers(self, part: str) -> Any:
        import torch

        places = {character: place for place, character in enumerate(self.vocabulary)}
        return torch.tensor([places[character] for character in self.text[part]])


class Gpt:
    """The peer."""

    name = GPT

    def __init__(self, data: Characters) -> None:
        self._data = data
        self._train, self._test = data.numbers("train"), data.numbers("test")

    def train(self, steps: int, seed: int, on_step: Callable[[], None]) -> Any:
        from peers import nano_gpt

        return nano_gpt.train(self._train, len(self._data.vocabulary), steps, on_step, seed)

    def judge(self, model: Any) -> dict[str, float]:
        from peers import nano_gpt

        return {
            f"{GPT}, as its script judges": nano_gpt.nats(model, self._test, nano_gpt.BLOCK_SIZE),
            f"{GPT}, looking back": nano_gpt.nats(model, self._test, nano_gpt.BLOCK_SIZE // 2),
        }


class Ours:
    """``text/rnn``, through the training loop of ``aigc train``."""

    name = OURS

    def __init__(self, data: Characters) -> None:
        from aigc_core import TextData
        from aigc_text.rnn.generator import Rnn
        from aigc_text.rnn.options import RnnConfig

        self._data = data
        self._kind, self._preset = Rnn, Rnn.PRESETS["tiny"]
        self._config = RnnConfig(**self._preset["config"], tokenizer="character", layout="stream")
        self._examples = Rnn.examples(self._config, TextData([data.text["train"]]))

    def train(self, steps: int, seed: int, on_step: Callable[[], None]) -> Any:
        from aigc_core import TrainingOptions, train

        settings = {key: value for key, value in self._preset["training"].items() if key != "minutes"}
        options = TrainingOptions(**settings, steps=steps, seed=seed, threads=1, device="cpu", log_every=1)
        trained = train(self._kind, self._config, self._examples, options, lambda *_: on_step())
        component = self._kind(self._config, self._examples.described)
        component.rnn.load_state_dict({key.removeprefix("rnn."): value for key, value in trained.tensors.items()})
        component.rnn.eval()
        return component

    def judge(self, component: Any) -> dict[str, float]:
        text = self._data.text["test"]
        log_p, _ = component.log_likelihood([text], None, 1)
        return {OURS: -float(log_p) / (len(text) + 1)}


def steps_for(budget: float, sides: dict[str, Any]) -> dict[str, int]:
    """Return how many steps of each side a budget holds, timed in turn."""
    sessions = {
        name: Session(lambda done, side=side: side.train(FOR_EVER, 0, every(TURN, done)))
        for name, side in sides.items()
    }
    try:
        taken = medians({name: session.turn for name, session in sessions.items()}, TURNS)
    finally:
        for session in sessions.values():
            session.close()
    return {name: round(budget / (time.cpu / TURN)) for name, time in taken.items()}


def main() -> int:
    arguments = _arguments()
    import torch

    torch.set_num_threads(1)
    data = Characters()
    sides = {side.name: side for side in (Gpt(data), Ours(data))}
    print(versions("aigc-core", "torch", "numpy"))
    print(f"{len(data.text['train']):,} characters to learn from, {len(data.text['test']):,} to judge by")
    found: dict[str, list[float]] = {}
    used: dict[str, list[str]] = {}
    for seed in arguments.seeds:
        steps = steps_for(arguments.budget, sides)
        for name, side in sides.items():
            progress(f"{name}: seed {seed}, {steps[name]:,} steps")
            before = time.process_time()
            model = side.train(steps[name], seed, lambda: None)
            spent = time.process_time() - before
            for row, nats in side.judge(model).items():
                found.setdefault(row, []).append(nats)
                used.setdefault(row, []).append(f"{steps[name]:,} in {spent:.0f} s")
    progress("")
    print(f"\n{arguments.budget:.0f} CPU-seconds, one thread; nats per character of the test chapters\n")
    print_table(
        ["model", "nats per character", "by seed", "steps in CPU-seconds"],
        [
            [name, f"{mean(nats):.3f}", ", ".join(f"{each:.3f}" for each in nats), "; ".join(used[name])]
            for name, nats in found.items()
        ],
    )
    best = min(mean(nats) for name, nats in found.items() if name != OURS)
    return judge([Bar("ours better than the GPT, nats per character", best - mean(found[OURS]), 0.15, least=True)])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--budget", type=float, default=110, help="CPU-seconds of a training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds of the trainings")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
