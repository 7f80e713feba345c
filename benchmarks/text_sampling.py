"""How fast texts are drawn: tokens per CPU-second with one thread, LSTM 2×512, vocabulary 4,096, float32.

    python benchmarks/text_sampling.py [--turns N] [--tokens N] [--only 1|64|cold]

Random weights, which cost what trained ones do. Ours are items with a noise stream each, from ids to text, with the
mean log-likelihood that every text comes with; the peers give ids. The peers: the sampling loop of pytorch/examples'
word language model (``nn.LSTM``, one token a call), and a GPT-2 of as many parameters under transformers'
``generate()`` with its cache. "ours under generate()" is our network as ``AutoModelForCausalLM`` gives it.

Cold: the whole process of ``aigc generate`` that writes one text of 32 tokens, held against one that imports what a
model of transformers is made of.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from measuring import Bar, Time, judge, medians, one_thread, print_table, time_call, time_process, versions

one_thread()

VOCABULARY, WIDTH, LAYERS = 4096, 512, 2
BATCHES = (1, 64)
NAIVE, GPT2, OURS, WRAPPED = "plain nn.LSTM loop", "GPT-2 under generate()", "ours", "ours under generate()"
#: What is wanted of us, at least, by batch: how many times as fast as whom.
WANTED = {1: {NAIVE: 3.5, GPT2: 3.0}, 64: {NAIVE: 1.5}}


def our_model(place: Path) -> Path:
    """Write a model folder with random weights."""
    import torch

    from aigc_core import DataShape, save_model
    from aigc_text.rnn.generator import Rnn
    from aigc_text.rnn.options import RnnConfig
    from aigc_text.tokenizer import TOKENIZER, Tokenizer

    characters = "".join(chr(0x4E00 + number) for number in range(VOCABULARY - 3))
    files = {TOKENIZER: Tokenizer.train([characters], kind="character", size=VOCABULARY).to_bytes()}
    config = RnnConfig(layers=LAYERS, hidden=WIDTH, embedding=WIDTH)
    torch.manual_seed(0)
    component = Rnn(config, DataShape((64,), files=files))
    return save_model(
        place / "lstm",
        name="lstm",
        component="text/rnn",
        modality="text",
        options=config.model_dump(mode="json"),
        shape=(64,),
        tensors={f"rnn.{key}": tensor for key, tensor in component.rnn.state_dict().items()},
        files={**files, **component.files()},
        card="# Random weights, for timing",
    )


def ours(folder: Path) -> Callable[[int, int], Any]:
    """Return a function that writes so many texts of so many tokens."""
    from aigc_core import Condition, Item, Noise
    from aigc_core.content import EMPTY
    from aigc_core.models import open_folder
    from aigc_text.rnn.generator import Rnn
    from aigc_text.rnn.options import RnnOptions

    generator = Rnn.from_model(open_folder(folder))

    def write(batch: int, tokens: int) -> Any:
        options = RnnOptions(max_tokens=tokens, min_tokens=tokens)
        items = [Item(None, EMPTY, Condition(), options, Noise(seed, "generate/0")) for seed in range(batch)]
        return list(generator.generate(items))

    return write


def through_transformers(model: Any) -> Callable[[int, int], Any]:
    """Return a function that lets transformers write texts with a model."""
    import torch

    def write(batch: int, tokens: int) -> Any:
        prompt = torch.full((batch, 1), 1)
        return model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=True,
            top_k=0,
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            pad_token_id=0,
        )

    return write


def writers(folder: Path) -> dict[str, Callable[[int, int], Any]]:
    """Return who writes, by name, and print how many parameters each has."""
    import torch
    from peers import word_lstm
    from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

    import aigc_text.rnn.huggingface  # noqa: F401 - lets transformers know our networks

    naive = word_lstm.RNNModel(VOCABULARY, WIDTH, WIDTH, LAYERS)
    gpt2 = GPT2LMHeadModel(
        GPT2Config(vocab_size=VOCABULARY, n_positions=512, n_embd=264, n_layer=6, n_head=8, eos_token_id=2)
    ).eval()
    wrapped = AutoModelForCausalLM.from_pretrained(folder)
    for name, model in ((NAIVE, naive), (GPT2, gpt2), (OURS, wrapped)):
        print(f"{name}: {sum(parameter.numel() for parameter in model.parameters()):,} parameters")
    torch.manual_seed(0)
    return {
        NAIVE: lambda batch, tokens: word_lstm.generate(naive, batch, tokens),
        GPT2: through_transformers(gpt2),
        OURS: ours(folder),
        WRAPPED: through_transformers(wrapped),
    }


def report(batch: int, tokens: int, turns: int, taken: Mapping[str, Time]) -> list[Bar]:
    """Print the table of one batch; return its bars."""
    print(f"\nbatch {batch}: medians of {turns} turns of {tokens} tokens a text\n")
    print_table(
        ["loop", "tokens / CPU-second", "ms a step", "× plain"],
        [
            [
                name,
                f"{batch * tokens / time.cpu:,.0f}",
                f"{time.cpu / tokens * 1000:.2f}",
                f"{taken[NAIVE].cpu / time.cpu:.2f}",
            ]
            for name, time in taken.items()
        ],
    )
    return [
        Bar(f"batch {batch}: ours / {peer}", taken[peer].cpu / taken[OURS].cpu, least, "×", least=True)
        for peer, least in WANTED[batch].items()
    ]


def cold(place: Path, folder: Path, turns: int) -> list[Bar]:
    """Time whole processes, print their table and return the bar."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "XDG_DATA_HOME": str(place / "data"),
        "XDG_CONFIG_HOME": str(place / "config"),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
    }
    python, imports = sys.executable, "from transformers import PreTrainedModel, GenerationMixin"
    options = [f"{name}_tokens=32" for name in ("min", "max")]
    generate = [python, "-m", "aigc_core", "generate", "--modality", "text", "-m", str(folder), "--seed", "7"]
    generate += [part for option in options for part in ("--set", option)]
    ours, theirs = "aigc generate, one text", f'python -c "{imports}"'
    taken = medians(
        {
            theirs: lambda: time_process([python, "-c", imports], environment),
            ours: lambda: time_process(generate, environment),
        },
        turns,
    )
    print(f"\nWhole processes, medians of {turns} runs each, in turn\n")
    rows = [[name, f"{time.cpu:.2f} s", f"{time.wall:.2f} s"] for name, time in taken.items()]
    print_table(["command", "CPU", "clock"], rows)
    return [
        Bar("first text, cold, over importing transformers, CPU", taken[ours].cpu - taken[theirs].cpu, 1.5, " s"),
    ]


def main() -> int:
    arguments = _arguments()
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(1)
    judged: list[Bar] = []
    with tempfile.TemporaryDirectory() as place:
        print(versions("aigc-core", "torch", "transformers", "numpy"))
        folder = our_model(Path(place))
        everyone = writers(folder)
        for batch in (batch for batch in BATCHES if arguments.only in (None, str(batch))):
            tokens = arguments.tokens if batch == 1 else max(1, arguments.tokens // 4)
            sides = {
                name: lambda write=write, batch=batch, tokens=tokens: time_call(lambda: write(batch, tokens))
                for name, write in everyone.items()
            }
            judged += report(batch, tokens, arguments.turns, medians(sides, arguments.turns))
        if arguments.only in (None, "cold"):
            judged += cold(Path(place), folder, arguments.turns)
    return judge(judged)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=9, help="turns of each side that count")
    parser.add_argument("--tokens", type=int, default=128, help="tokens of a text at batch 1; a quarter of it at 64")
    parser.add_argument("--only", choices=[*map(str, BATCHES), "cold"], help="one table alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
