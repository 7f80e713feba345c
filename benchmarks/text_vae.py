"""What a text VAE costs and gives: likelihood beside a language model, what its latent knows, and what stops collapse.

    python benchmarks/text_vae.py [--epochs 6] [--remedy-epochs 2] [-n 1000] [--samples 500] [--only WORD]

WordNet example sentences, one thread. The language model is the VAE's decoder without a latent, trained for as many
epochs on the same batches with the same options. The VAE's NLL is the IWAE bound, the language model's is exact. Beside
KL, mutual information and active units stands what the latent is worth to the decoder: how much likelier a text is
given its own latent than given that of another text. A decoder that ignores its latent may have a KL, an MI and active
units; that number it has not.

The remedies are compared on small networks and few epochs. Finished trainings are kept under ``results/`` and not run
again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import Bar, installed, judge, one_thread, print_table, versions

one_thread()
HERE = Path(__file__).resolve().parent
RECIPES = HERE.parent / "recipes"
sys.path.insert(0, str(RECIPES))

import torch  # noqa: E402 - below what holds it to one thread
from text_trainings import Finished, trained  # noqa: E402

from aigc_core import (  # noqa: E402
    Batch,
    Condition,
    Context,
    DataShape,
    Item,
    Loss,
    Noise,
    Phase,
    TextData,
    bootstrap_mean,
)
from aigc_metrics.text.bleu import Bleu  # noqa: E402
from aigc_text.tokenizer import TOKENIZER, Tokenizer  # noqa: E402
from aigc_text.vae.model import Vae  # noqa: E402
from aigc_text.vae.networks import Decoder  # noqa: E402
from aigc_text.vae.options import VaeConfig, VaeOptions  # noqa: E402

SETTINGS = {
    "vocabulary": 4096,
    "latent_dim": 32,
    "embedding": 192,
    "hidden": 320,
    "encoder_hidden": 96,
    "dropout": 0.3,
    "gamma": 0.6,
    "temperature": 0.5,
    "top_p": 0.9,
}
TRAINING = {
    "batch": 32,
    "lr": 4e-3,
    "warmup": 100,
    "schedule": "cosine",
    "clip": 5.0,
    "precision": "bfloat16",
    "threads": 1,
    "log_every": 200,
}
SMALL = {"embedding": 128, "hidden": 128, "encoder_hidden": 64, "vocabulary": 2048}
LANGUAGE_MODEL = "language model"
#: What is held against collapse, each alone; "half" stands for half of the steps.
REMEDIES: Mapping[str, Mapping[str, Any]] = {
    "none": {"gamma": 0},
    "linear annealing, half of the steps": {"gamma": 0, "annealing": "linear", "annealing_steps": "half"},
    "cyclical annealing, 4 cycles": {"gamma": 0, "annealing": "cyclical", "annealing_steps": "quarter"},
    "word dropout 0.4": {"gamma": 0, "word_dropout": 0.4},
    "free bits, 0.15 a dimension": {"gamma": 0, "free_bits": 0.15},
    "free bits, 5 in all": {"gamma": 0, "free_bits": 5, "free_bits_of": "total"},
    "warm start, then free bits 0.15": {"gamma": 0, "free_bits": 0.15, "warm_start": "quarter"},
    "batch normalisation, γ = 0.4": {"gamma": 0.4},
    "batch normalisation, γ = 0.6": {"gamma": 0.6},
    "batch normalisation, γ = 0.95, β = 0.2": {"gamma": 0.95, "beta": 0.2},
}
INTERPOLATED = 4
STEPS = 7


class LanguageModel:
    """The decoder of ``text/vae`` with a latent of no dimensions."""

    Config = VaeConfig
    inference = ("decoder",)
    phases = (Phase("nll", ("decoder",)),)

    def __init__(self, config: VaeConfig, data: DataShape) -> None:
        vocabulary = Tokenizer.from_bytes(data.files[TOKENIZER]).size
        self.decoder = Decoder(config.model_copy(update={"latent_dim": 0}), vocabulary, data)
        self.networks = {"decoder": self.decoder}

    def loss(self, phase: str, batch: Batch, context: Context) -> Loss:
        nothing = torch.zeros(len(batch.data), 0)
        return Loss(-context.networks["decoder"](batch.data, nothing).sum(dim=1).mean())

    def fit_sampler(self, data: Any, seed: int) -> Mapping[str, torch.Tensor]:
        return {}

    @torch.inference_mode()
    def log_likelihood(self, batches: Sequence[Batch]) -> torch.Tensor:
        """Return ``log p`` of each text in nats, exact."""
        return torch.cat([self.decoder(batch.data, torch.zeros(len(batch.data), 0)).sum(dim=1) for batch in batches])


@dataclass(frozen=True, slots=True)
class Bench:
    """What all trainings share.

    Attributes:
        learnt, held: texts that are learnt from, and those that the figures are of.
        results: folder of finished trainings.
    """

    learnt: TextData
    held: list[str]
    results: Path

    def trained(self, kind: Any, config: VaeConfig, epochs: float) -> Finished:
        """Return a finished training, or run it now and keep it."""
        return trained(kind, config, self.learnt, TRAINING, epochs, self.results)

    def language_model(self, config: VaeConfig, epochs: float) -> tuple[Finished, Any]:
        """Return a language model, and minus the log-likelihood of each text held apart."""
        made = self.trained(LanguageModel, config, epochs)
        files = Vae.examples(config, self.learnt).described.files
        batches = Vae.examples(config, TextData(self.held), files).batches(64)
        return made, -made.component.log_likelihood(list(batches)).double().numpy()

    def measured(self, vae: Vae, samples: int) -> dict[str, Any]:
        """Return everything that the tables say of a VAE."""
        elbo, tighter = vae.log_likelihood(self.held, Noise(0, "bench/likelihood"), samples)
        known = vae.latent_statistics(self.held, Noise(0, "bench/latents"))
        made = vae.reconstruct(self.held)
        return {
            "elbo": -elbo.mean().item(),
            "nll": -tighter.double().numpy(),
            "kl": known.kl,
            "mi": known.mutual_information,
            "active": known.active_units,
            "worth": worth(vae, self.held),
            "made": made,
            "bleu": bleu(made, self.held),
        }


@torch.inference_mode()
def worth(vae: Vae, texts: Sequence[str]) -> float:
    """Return how many nats likelier texts are given the mean of their own latent than given that of another text."""
    gained = []
    for batch in vae.examples(vae.config, TextData(texts), vae.data.files).batches(100):
        mean, _ = vae.encoder(batch.data)
        own, other = (vae.decoder(batch.data, latent).sum(dim=1) for latent in (mean, mean.roll(1, dims=0)))
        gained.append(own - other)
    return float(torch.cat(gained).mean())


def bleu(made: Sequence[str], texts: Sequence[str]) -> float:
    """Return BLEU-4 of texts against their originals, 0 to 100."""
    scorer = Bleu(texts)
    return scorer.score(scorer.counted(made, texts).sum(axis=0))


def interpolations(vae: Vae, texts: Sequence[str]) -> list[list[str]]:
    """Return for each two neighbours of `texts` the sentences on the way from one to the other, as a user gets them."""
    ways = []
    for like, towards in zip(texts[::2], texts[1::2], strict=True):
        items = [
            Item(
                None,
                {"like": like, "towards": towards},
                Condition(),
                VaeOptions(),
                Noise(0, "generate/0"),
                step / (STEPS - 1),
            )
            for step in range(STEPS)
        ]
        finals = {made.index: made.content for made in vae.generate(items) if hasattr(made, "scores")}
        ways.append([finals[step] for step in range(STEPS)])
    return ways


def main_table(bench: Bench, epochs: float, samples: int) -> tuple[list[Bar], Vae]:
    """Print the VAE beside the language model."""
    config = VaeConfig(**SETTINGS)
    language_model, exact = bench.language_model(config, epochs)
    vae = bench.trained(Vae, config, epochs)
    found = bench.measured(vae.component, samples)
    print(f"\n{epochs:g} epochs, {vae.steps:,} steps; n = {len(bench.held):,} test sentences, {samples} samples\n")
    rows = [
        [LANGUAGE_MODEL, interval(exact), "exact", "–", "–", "–", "–", "–", f"{language_model.seconds:.0f} s"],
        [
            f"text/vae, γ = {config.gamma}",
            interval(found["nll"]),
            f"{found['elbo']:.2f} by ELBO",
            *remedy_cells(found, config.latent_dim),
            f"{vae.seconds:.0f} s",
        ],
    ]
    print_table(["model", "NLL, nats a sentence", "", *COLUMNS, "CPU"], rows)
    show("Made again", zip(bench.held[:8], found["made"], strict=False))
    longer = [text for text in bench.held if 20 <= len(text) <= 45][: 2 * INTERPOLATED]
    for texts in interpolations(vae.component, longer):
        print("\nBetween two sentences\n\n" + "\n".join(f"{place + 1}. {text}" for place, text in enumerate(texts)))
    print(f"\nThe VAE's NLL less the language model's, paired: {interval(found['nll'] - exact)} nats a sentence")
    ratio = 100 * (found["nll"].mean() / exact.mean() - 1)
    return [
        Bar("NLL by IWAE over the language model's", ratio, 2, " %"),
        Bar("KL", found["kl"], 4, " nats", least=True),
        Bar("mutual information", found["mi"], 2.5, " nats", least=True),
        Bar(f"active units of {config.latent_dim}", found["active"], 8, least=True),
    ], vae.component


COLUMNS = ("KL", "MI", "active", "worth of the latent", "BLEU-4 made again")


def remedy_cells(found: Mapping[str, Any], latent_dim: int) -> list[str]:
    """Return what a table says of a latent."""
    return [
        f"{found['kl']:.2f}",
        f"{found['mi']:.2f}",
        f"{found['active']} / {latent_dim}",
        f"{found['worth']:.2f}",
        f"{found['bleu']:.1f}",
    ]


def remedy_table(bench: Bench, epochs: float, samples: int, wanted: Callable[[str], bool]) -> None:
    """Print what each remedy does for a small VAE."""
    small = {**SETTINGS, **SMALL}
    _, exact = bench.language_model(VaeConfig(**small), epochs)
    rows = [[LANGUAGE_MODEL, interval(exact), "", "–", "–", "–", "–", "–"]]
    steps = round(epochs * len(bench.learnt) / TRAINING["batch"])
    parts = {"half": steps // 2, "quarter": steps // 4}
    for name, remedy in REMEDIES.items():
        if wanted(name):
            config = VaeConfig(**small | {key: parts.get(value, value) for key, value in remedy.items()})
            found = bench.measured(bench.trained(Vae, config, epochs).component, samples)
            more = f"{100 * (found['nll'].mean() / exact.mean() - 1):+.1f} %"
            rows.append([name, interval(found["nll"]), more, *remedy_cells(found, config.latent_dim)])
    print(f"\nRemedies: networks of 128, {epochs:g} epochs; n = {len(bench.held):,}, {samples} samples\n")
    print_table(["remedy", "NLL, nats a sentence", "over it", *COLUMNS], rows)


def interval(values: Any) -> str:
    """Return a mean with its 95 % bootstrap interval."""
    found = bootstrap_mean(values, Noise(0, "bench/interval"), 1000)
    return f"{values.mean():.2f} ({found.low:.2f}–{found.high:.2f})"


def show(title: str, pairs: Any) -> None:
    print(f"\n{title}\n")
    print_table(["sentence", "made again"], [list(pair) for pair in pairs])


def main() -> int:
    arguments = _arguments()
    if not installed("sacrebleu"):
        return 1
    import sentences

    torch.set_num_threads(1)
    learnt, test = sentences.load("train"), sentences.load("test").texts
    held = [test[place * len(test) // arguments.n] for place in range(arguments.n)]
    bench = Bench(learnt, held, arguments.results)
    print(versions("aigc-core", "torch", "tokenizers", "sacrebleu"))
    bars: list[Bar] = []
    if arguments.only in (None, "bars"):
        bars, _ = main_table(bench, arguments.epochs, arguments.samples)
    if arguments.only != "bars":
        few = Bench(learnt, held[:: max(1, len(held) // 300)], arguments.results)
        remedy_table(few, arguments.remedy_epochs, 100, lambda name: arguments.only in (None, "remedies", name))
    return judge(bars) if bars else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=float, default=6, help="of the language model and of the VAE")
    parser.add_argument("--remedy-epochs", type=float, default=2, help="of each remedy")
    parser.add_argument("-n", type=int, default=1000, help="test sentences")
    parser.add_argument("--samples", type=int, default=500, help="latents a sentence of the IWAE bound")
    parser.add_argument("--only", help="bars, remedies, or the name of one remedy")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "text-vae", help="finished trainings")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
