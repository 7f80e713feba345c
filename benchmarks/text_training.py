"""How fast recurrent language models learn: tokens per CPU-second with one thread, LSTM 2×512, vocabulary 4,096.

    python benchmarks/text_training.py [--turns N] [--steps N]

6,303,744 parameters, 32 texts side by side, 64 tokens a step, carried state, dropout 0.2, on random tokens, which cost
what words do. The peer is the loop of pytorch/examples' word language model, float32; oneDNN is on for all sides. Ours
is the training loop of ``aigc train`` with Adam in float32, in bfloat16 (which ``precision = auto`` takes where the
machine is made for it), and with weight dropout. All are trainings under way in one process that take turns.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from measuring import Bar, Session, Time, every, judge, medians, one_thread, print_table, versions

one_thread()

VOCABULARY, WIDTH, LAYERS, BATCH, WINDOW = 4096, 512, 2, 32, 64
TOKENS = 1_000_000
PLAIN, BFLOAT16 = "plain nn.LSTM loop, float32", "ours, bfloat16"
FOR_EVER = 10**9  # steps: a session ends when it is closed


def our_sides(tokens: Any, steps: int) -> dict[str, Callable[[Callable[[], None]], Any]]:
    """Return our loop at each setting, calling back after every `steps` steps."""
    import numpy as np

    from aigc_core import DataShape, TrainingOptions, train
    from aigc_text.corpus import Rows, Windows
    from aigc_text.rnn.generator import Rnn
    from aigc_text.rnn.options import RnnConfig
    from aigc_text.tokenizer import TOKENIZER, Tokenizer

    characters = "".join(chr(0x4E00 + number) for number in range(VOCABULARY - 3))
    files = {TOKENIZER: Tokenizer.train([characters], kind="character", size=VOCABULARY).to_bytes()}
    rows = Rows(tokens, np.array([0, len(tokens)]))
    examples = Windows(rows, WINDOW, DataShape((len(tokens),), files=files))
    settings = {"ours, float32": ("float32", 0.0), BFLOAT16: ("bfloat16", 0.0), f"{BFLOAT16}, AWD": ("bfloat16", 0.5)}
    sides: dict[str, Callable[[Callable[[], None]], Any]] = {}
    for name, (precision, weight_dropout) in settings.items():
        config = RnnConfig(
            layers=LAYERS, hidden=WIDTH, embedding=WIDTH, dropout=0.2, weight_dropout=weight_dropout, layout="stream"
        )
        options = TrainingOptions(
            steps=FOR_EVER,
            batch=BATCH,
            lr=1e-3,
            clip=0.25,
            precision=precision,  # type: ignore[arg-type]
            device="cpu",
            threads=1,
            log_every=steps,
            ema_images=0,  # the peer averages no weights
        )

        def ours(done: Callable[[], None], config: RnnConfig = config, options: TrainingOptions = options) -> None:
            train(Rnn, config, examples, options, lambda *_: done())

        sides[name] = ours
    return sides


def main() -> int:
    arguments = _arguments()
    import numpy as np
    import torch
    from peers import word_lstm

    torch.set_num_threads(1)
    tokens = np.random.default_rng(0).integers(3, VOCABULARY, TOKENS).astype(np.uint16)

    def plain(done: Callable[[], None]) -> None:
        model = word_lstm.RNNModel(VOCABULARY, WIDTH, WIDTH, LAYERS)
        data = torch.from_numpy(tokens.astype(np.int64))
        word_lstm.train(model, data, FOR_EVER, every(arguments.steps, done), batch=BATCH, bptt=WINDOW)

    sessions = {
        name: Session(training) for name, training in {PLAIN: plain, **our_sides(tokens, arguments.steps)}.items()
    }
    try:
        taken = medians({name: session.turn for name, session in sessions.items()}, arguments.turns)
    finally:
        for session in sessions.values():
            session.close()
    return report(taken, arguments.steps * BATCH * WINDOW, arguments.turns)


def report(taken: dict[str, Time], tokens: int, turns: int) -> int:
    """Print the table and the bar; return the exit code."""
    print(versions("aigc-core", "torch", "numpy"))
    print(f"One thread, one process, sides in turn; medians of {turns} turns of {tokens:,} tokens each\n")
    print_table(
        ["training", "tokens / CPU-second", "× plain", "tokens / second by the clock"],
        [
            [name, f"{tokens / time.cpu:,.0f}", f"{taken[PLAIN].cpu / time.cpu:.2f}", f"{tokens / time.wall:,.0f}"]
            for name, time in taken.items()
        ],
    )
    return judge([Bar(f"{BFLOAT16} / {PLAIN}", taken[PLAIN].cpu / taken[BFLOAT16].cpu, 1.6, "×", least=True)])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=9, help="turns of each side that count")
    parser.add_argument("--steps", type=int, default=5, help="steps in a turn")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
