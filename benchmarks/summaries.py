"""Summaries by a small conditional VAE, beside what needs no model: ROUGE-L, BLEU, variety.

    python benchmarks/summaries.py FOLDER [--epochs 20] [--ablation] [--also NAME=FILE]

FOLDER has SciTLDR-A (Cachola et al. 2020) as ``scitldr-train.jsonl`` and ``scitldr-validation.jsonl``: an article
(the abstract of a paper) and its summary in one sentence a line. ``text/vae`` learns from the training pairs alone, on
one thread; the figures are of all validation pairs, each with one reference. Beside it: the first sentence of the
article, and the summary of some training article, drawn by chance. ``--also`` adds summaries of another system, one a
line, in the order of the validation pairs. Differences from the random summary are paired: both of the same article,
95 % bootstrap intervals. Finished trainings are kept under ``results/``.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from measuring import Bar, installed, judge, one_thread, print_table, progress, versions

one_thread()
HERE = Path(__file__).resolve().parent

import numpy as np  # noqa: E402 - below what holds it to one thread
import torch  # noqa: E402
from text_trainings import trained  # noqa: E402

from aigc_core import Condition, Final, Item, Noise, TextData  # noqa: E402
from aigc_metrics.text.bleu import Bleu  # noqa: E402
from aigc_metrics.text.ngrams import Corpus  # noqa: E402
from aigc_metrics.text.rouge import rouge_l  # noqa: E402
from aigc_metrics.text.variety import distinct_share  # noqa: E402
from aigc_metrics.text.words import words  # noqa: E402
from aigc_text.vae.model import Vae  # noqa: E402
from aigc_text.vae.options import VaeConfig, VaeOptions  # noqa: E402

CONFIG = {
    "vocabulary": 4096,
    "longest": 64,
    "longest_source": 320,
    "latent_dim": 16,
    "embedding": 128,
    "hidden": 256,
    "encoder_hidden": 128,
    "dropout": 0.3,
}
TRAINING = {"batch": 16, "lr": 2e-3, "schedule": "cosine", "warmup": 100, "clip": 5.0, "threads": 1}
OURS = "text/vae, 4 beams"
#: Trained too with ``--ablation``: what the pointer into the source is good for.
WITHOUT_POINTER = "text/vae, no words copied, 4 beams"
MICRO_BATCH = 16
RESAMPLES = 2000
RANDOM, LEAD, REFERENCE = "a random training summary", "the first sentence", "the reference"
EXAMPLES = 5


def pairs(path: Path) -> TextData:
    """Read a file of pairs."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return TextData([row["summary"].strip() for row in rows], [row["article"].strip() for row in rows])


def first_sentence(text: str) -> str:
    """Return what stands before the first full stop, question or exclamation mark that is followed by a space."""
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


def at_random(count: int, learnt: TextData) -> list[str]:
    """Return training summaries drawn by chance."""
    noise = Noise(0, "bench/random-summary")
    return [learnt.texts[noise.choice(len(learnt))] for _ in range(count)]


def summaries(vae: Vae, sources: Sequence[str], options: VaeOptions) -> list[str]:
    """Return a summary of each source, as the pipeline would ask for them."""
    made: list[str] = []
    padded = [*sources, *[sources[-1]] * (-len(sources) % MICRO_BATCH)]
    for start in range(0, len(padded), MICRO_BATCH):
        progress(f"{start:,} of {len(sources):,} summaries")
        items = [
            Item(padded[place], {}, Condition(), options, Noise(place, "generate/0"))
            for place in range(start, start + MICRO_BATCH)
        ]
        finals = [one for one in vae.generate(items) if isinstance(one, Final)]
        made += [str(final.content) for final in sorted(finals, key=lambda final: final.index)]
    progress("")
    return made[: len(sources)]


def systems(arguments: argparse.Namespace, learnt: TextData, held: TextData) -> Iterator[tuple[str, list[str]]]:
    """Yield the name of each system and its summaries."""
    sources = list(held.sources or ())

    def component(**changes: Any) -> Vae:
        config = VaeConfig(**{**CONFIG, **changes})
        finished = trained(Vae, config, learnt, TRAINING, arguments.epochs, arguments.results)
        print(f"text/vae {changes or ''}: {finished.steps:,} steps, {finished.seconds:.0f} CPU-seconds")
        vae: Vae = finished.component
        return vae

    ours = component()
    yield OURS, summaries(ours, sources, VaeOptions())
    drawn = VaeOptions(temperature=0.7, top_p=0.9)
    yield "text/vae, drawn, temperature 0.7, top_p 0.9", summaries(ours, sources, drawn)
    if arguments.ablation:
        yield WITHOUT_POINTER, summaries(component(copy_words=False), sources, VaeOptions())
    for named in arguments.also:
        name, _, file = named.partition("=")
        yield name, Path(file).read_text(encoding="utf-8").splitlines()[: len(held)]
    yield LEAD, [first_sentence(source) for source in sources]
    yield RANDOM, at_random(len(held), learnt)
    yield REFERENCE, list(held.texts)


class Scores:
    """How near summaries are to references, in numbers of each that can be resampled.

    Attributes:
        rouge: ROUGE-L, ``(N,)``, 0 to 100.
        distinct: distinct-2 of all together.
        length: mean words.
    """

    def __init__(self, made: Sequence[str], references: Sequence[str]) -> None:
        self._bleu = Bleu(references)
        self._counts = self._bleu.counted(made, references)
        cut = [(words(one), words(other)) for one, other in zip(made, references, strict=True)]
        self.rouge = 100 * np.array([rouge_l(one, other) for one, other in cut])
        self.distinct = distinct_share(Corpus.of(made).ngrams(2)[0])
        self.length = float(np.mean([len(one) for one, _ in cut]))

    def rouge_of(self, places: Any) -> float:
        return float(self.rouge[places].mean())

    def bleu_of(self, places: Any) -> float:
        return self._bleu.score(self._counts[places].sum(axis=0))


def interval(score: Callable[[Any], float], count: int) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a score of texts at some places; the same places for every score."""
    noise = Noise(0, "bench/bootstrap")
    drawn = [score(np.minimum((noise.uniform(count) * count).astype(np.int64), count - 1)) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def main() -> int:
    arguments = _arguments()
    if not installed("sacrebleu"):
        return 1
    torch.set_num_threads(1)
    learnt, held = (pairs(arguments.folder / f"scitldr-{part}.jsonl") for part in ("train", "validation"))
    print(versions("aigc-core", "torch", "tokenizers", "sacrebleu"))
    print(f"{len(learnt):,} training pairs; n = {len(held):,} validation pairs\n")
    made = dict(systems(arguments, learnt, held))
    count, every = len(held), np.arange(len(held))
    scores = {name: Scores(texts, held.texts) for name, texts in made.items()}
    chance, rows = scores[RANDOM], []
    for name, found in scores.items():
        row = [name, f"{found.rouge_of(every):.2f}", f"{found.bleu_of(every):.2f}", "–", "–"]
        if name not in (RANDOM, REFERENCE):
            for place, kind in ((3, "rouge_of"), (4, "bleu_of")):
                ours, theirs = getattr(found, kind), getattr(chance, kind)
                low, high = interval(lambda some, a=ours, b=theirs: a(some) - b(some), count)
                row[place] = f"{low:+.2f} to {high:+.2f}"
        rows.append([*row, f"{found.distinct:.3f}", f"{found.length:.1f}"])
    print()
    print_table(
        ["summary", "ROUGE-L", "BLEU-4", "ROUGE-L over random", "BLEU over random", "distinct-2", "words"], rows
    )
    for place in range(0, count, count // EXAMPLES)[:EXAMPLES]:
        print(f"\n> {(held.sources or ())[place]}\n")
        print("\n".join(f"- {name}: {made[name][place]}" for name in (OURS, LEAD, REFERENCE)))
    least = [
        interval(lambda some, k=kind: getattr(scores[OURS], k)(some) - getattr(chance, k)(some), count)[0]
        for kind in ("rouge_of", "bleu_of")
    ]
    return judge(
        [
            Bar("ROUGE-L over a random summary's, lower end of the interval", least[0], 0, least=True),
            Bar("BLEU over a random summary's, lower end of the interval", least[1], 0, least=True),
            Bar("distinct-2 / the references'", scores[OURS].distinct / scores[REFERENCE].distinct, 0.5, least=True),
        ]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="of the pairs")
    parser.add_argument("--epochs", type=float, default=20, help="of the training")
    parser.add_argument("--ablation", action="store_true", help="train without the pointer into the source, too")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=FILE", help="another system's summaries")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "summaries", help="finished trainings")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
