"""What the pipeline costs on top of the generator it runs: seeds, conditions, recipe, digest, events, ledger.

    python benchmarks/pipeline_overhead.py [--repeats N] [--profile]

Two generators, each called directly with the same items in the same micro-batches, and through the pipeline:

* ``bench/cheap``: a 28×28 picture that is all but free, so that an item's overhead shows in microseconds;
* ``bench/dcgan``: a convolutional generator of 2 M parameters for 64×64 pictures (Radford et al. 2016), as a model
  folder, so that it shows as a share of real work.

Filters and the writing of PNG files are counted apart, in rows of their own.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported

from measuring import Bar, Time, judge, medians, print_table, time_call, versions

GENERATORS = '''
import numpy as np

from aigc_core import Final, FilterSpec, GeneratorSpec, hookimpl


class Cheap:
    """Grey pictures of one brightness, drawn from the item's noise."""

    def __init__(self, model):
        pass

    def generate(self, items):
        from PIL import Image

        for index, item in enumerate(items):
            yield Final(index, Image.new("L", (28, 28), int(item.noise.uniform() * 255)))


class Dcgan:
    """Radford et al. 2016, figure 1, at 64×64."""

    def __init__(self, model):
        import torch

        self.network = network()
        self.network.load_state_dict(model.tensors())
        self.network.eval()
        torch.set_num_threads(1)

    def generate(self, items):
        import torch
        from PIL import Image

        latent = torch.from_numpy(np.stack([item.noise.normal((100, 1, 1)) for item in items]))
        with torch.inference_mode():
            pictures = (self.network(latent) * 127.5 + 127.5).to(torch.uint8)  # (B, 3, 64, 64)
        for index, pixels in enumerate(pictures.permute(0, 2, 3, 1).contiguous().numpy()):
            yield Final(index, Image.fromarray(pixels))


def network(width=46):
    from torch import nn

    def block(inputs, outputs, stride=2, padding=1):
        return (
            nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )

    return nn.Sequential(
        *block(100, 8 * width, 1, 0),  # (B, 8 width, 4, 4)
        *block(8 * width, 4 * width),
        *block(4 * width, 2 * width),
        *block(2 * width, width),  # (B, width, 32, 32)
        *(nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh()),
    )


def look(picture, context):
    return []


@hookimpl
def aigc_generators():
    return [
        GeneratorSpec("bench/cheap", "image", Cheap, needs_model=False),
        GeneratorSpec("bench/dcgan", "image", Dcgan),
    ]


@hookimpl
def aigc_filters():
    return [FilterSpec("bench/look", "image", look)]
'''


class Bench:
    """One generator, called directly and through the pipeline."""

    def __init__(self, folder: Path, plugin: Path, model: str, n: int) -> None:
        from aigc_core import Order, Pipeline
        from aigc_core.config import Config, ModerationSection, RunsSection, Settings

        def pipeline(ledger: str, skip: tuple[str, ...]) -> Pipeline:
            rules = ModerationSection(skip=skip)
            config = Config(moderation=rules, runs=RunsSection(ledger=str(folder / ledger)))
            return Pipeline(plugins=[plugin], settings=Settings(config))

        self.n = n
        self.folder = folder
        self.plain = pipeline("plain.sqlite", ("bench/look", "wordlist"))
        self.filtered = pipeline("filtered.sqlite", ("wordlist",))
        order = Order("image", n=n, seed=0, model=model)
        self.plan = self.plain.plan(order)
        self.filtered_plan = self.filtered.plan(order)
        for each, plan in ((self.plain, self.plan), (self.filtered, self.filtered_plan)):
            each.generator(plan)  # loads the weights

    def direct(self) -> Time:
        """Call the generator alone; its items, which the pipeline would build, are built before the clock starts."""
        from aigc_core import Condition, Item, Noise
        from aigc_core.content import EMPTY

        size = self.plan.micro_batch
        items = [Item(None, EMPTY, Condition(), self.plan.options, Noise(seed, "generate/0")) for seed in range(self.n)]
        generator = self.plain.generator(self.plan)

        def call() -> None:
            for start in range(0, self.n, size):
                for _ in generator.generate(items[start : start + size]):
                    pass

        return time_call(call)

    def piped(self) -> Time:
        return time_call(lambda: self._drain(self.plain.stream(self.plan)))

    def piped_with_filter(self) -> Time:
        return time_call(lambda: self._drain(self.filtered.stream(self.filtered_plan)))

    def piped_into_files(self) -> Time:
        # A new folder each time, and nothing deleted: after that, ext4 makes files many times slower for minutes.
        pictures = tempfile.mkdtemp(dir=self.folder)
        return time_call(lambda: self._drain(self.plain.stream(self.plan, output=pictures)))

    def _drain(self, events: Any) -> None:
        from aigc_core import ArtifactCreated

        created = sum(isinstance(event, ArtifactCreated) for event in events)
        assert created == self.n, f"{created} of {self.n} items"


def measure(bench: Bench, repeats: int) -> dict[str, Time]:
    return medians(
        {
            "generator alone": bench.direct,
            "pipeline": bench.piped,
            "pipeline and one filter": bench.piped_with_filter,
            "pipeline and PNG files": bench.piped_into_files,
        },
        repeats,
    )


def report(title: str, n: int, taken: dict[str, Time]) -> tuple[float, float]:
    """Print one generator's table; return the overhead in microseconds an item, and as a share (CPU)."""
    alone = taken["generator alone"].cpu
    print(f"\n{title}, n = {n:,}\n")
    print_table(
        ["what", "CPU an item", "over the generator", "share", "clock an item"],
        [
            [
                name,
                f"{time.cpu / n * 1e6:,.0f} µs",
                f"{(time.cpu - alone) / n * 1e6:,.0f} µs",
                f"{(time.cpu - alone) / alone:.1%}",
                f"{time.wall / n * 1e6:,.0f} µs",
            ]
            for name, time in taken.items()
        ],
    )
    over = taken["pipeline"].cpu - alone
    return over / n * 1e6, over / alone


def save_dcgan(folder: Path, plugin: Path) -> tuple[Path, int]:
    """Write a DCGAN with random weights as a model folder; return it with its number of parameters."""
    import runpy

    import torch

    from aigc_core import save_model

    torch.manual_seed(0)
    network = runpy.run_path(str(plugin))["network"]()
    for module in network.modules():
        if isinstance(module, torch.nn.ConvTranspose2d):
            torch.nn.init.normal_(module.weight, 0, 0.02)
    saved = save_model(
        folder / "bench-dcgan",
        name="bench-dcgan",
        component="bench/dcgan",
        modality="image",
        options={},
        shape=(3, 64, 64),
        tensors=network.state_dict(),
        card="# A generator with random weights, for timing",
    )
    return saved, sum(parameter.numel() for parameter in network.parameters())


def profile(what: Callable[[], Any]) -> None:
    """Say where the time goes."""
    profiler = cProfile.Profile()
    profiler.runcall(what)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(35)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5, help="how often each is timed")
    parser.add_argument("--profile", action="store_true", help="say where the time of the cheap generator's run goes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        plugin = folder / "bench_generators.py"
        plugin.write_text(dedent(GENERATORS), encoding="utf-8")
        cheap = Bench(folder, plugin, "bench/cheap", 4096)
        if arguments.profile:
            profile(cheap.piped)
            return 0
        model, parameters = save_dcgan(folder, plugin)
        conv = Bench(folder, plugin, str(model), 1024)
        cheap_taken = measure(cheap, arguments.repeats)
        conv_taken = measure(conv, arguments.repeats)
    print(versions("aigc-core", "torch", "numpy", "pillow", "pydantic"))
    print(f"Medians of {arguments.repeats} runs each, taken in turn; one thread.")
    micros, _ = report("`bench/cheap`, 28×28, micro-batch 1", cheap.n, cheap_taken)
    batch = conv.plan.micro_batch
    _, share = report(f"`bench/dcgan`, 64×64, {parameters:,} parameters, micro-batch {batch}", conv.n, conv_taken)
    return judge(
        [
            Bar("pipeline over `bench/cheap`, an item", micros, 100, " µs"),
            Bar("pipeline over `bench/dcgan`", share * 100, 10, " %"),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
