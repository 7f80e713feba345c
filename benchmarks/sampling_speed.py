"""How fast finished models make pictures, and how fast those become files: items per CPU-second with one thread.

    python benchmarks/sampling_speed.py [--turns N] [--only mlp|dcgan|png] [--folder DIR]

The MLP decoder of pytorch/examples' VAE and its DCGAN generator at 64×64, with random weights, which cost what trained
ones do. Ours are model folders, loaded by the pipeline, float32 and bfloat16. Two kinds of rows, each against its like:

* *tensors*: latents drawn in bulk and decoded; what the scripts' loops and pythae's ``GenerationPipeline`` do;
* *pictures*: PIL images one by one; ours from a noise stream of its own for each, so that a seed gives its picture.

The last table is of PNG files: ours with recipe, label and parameters, written whole or not at all, under names that
are free; pythae's own saving beside it (``pip install pythae``), and what the system alone takes to make such files.
They go into a temporary folder, or `--folder`; nothing is deleted before the end, because ext4 makes new files many
times slower for some minutes after others were deleted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from measuring import Bar, Time, installed, judge, medians, one_thread, print_table, time_call, versions

one_thread()

PLUGIN = """
from peers.components import Dcgan, VaeMlp

from aigc_core import GeneratorSpec, hookimpl


@hookimpl
def aigc_generators():
    return [
        GeneratorSpec("bench/vae-mlp", "image", VaeMlp.from_model, options="aigc_image.options:VaeOptions"),
        GeneratorSpec("bench/dcgan", "image", Dcgan.from_model),
    ]
"""
PRECISIONS = ("float32", "bfloat16")
#: Pictures that are decoded at once, which each model folder says for itself. pythae's pipeline takes 500 of digits,
#: and the DCGAN script 64. The VAE's script takes 128, and would gain nothing by more.
MICRO_BATCH = {"vae-mlp": 512, "dcgan": 64}


class Ours:
    """One network as a model folder in one precision, and the pipeline that it is loaded by."""

    def __init__(self, place: Path, plugin: Path, name: str, precision: str, tensors: Mapping[str, Any], **parts: Any):
        from aigc_core import Order, Pipeline, save_model
        from aigc_core.config import Config, ModerationSection, RunsSection, Settings

        folder = save_model(
            place / f"{name}-{precision}",
            name=f"{name}-{precision}",
            component=f"bench/{name}",
            modality="image",
            tensors=tensors,
            micro_batch=MICRO_BATCH[name],
            precision=precision,
            card="# Random weights, for timing",
            **parts,
        )
        settings = Settings(
            Config(
                moderation=ModerationSection(skip=("wordlist",)), runs=RunsSection(ledger=str(place / "runs.sqlite"))
            )
        )
        self.pipeline = Pipeline(plugins=[plugin], settings=settings)
        self._order: Callable[[int], Any] = lambda n: Order("image", n=n, seed=0, model=str(folder))
        self.size = MICRO_BATCH[name]
        self.generator: Any = self.pipeline.generator(self.plan(1))

    def plan(self, n: int) -> Any:
        return self.pipeline.plan(self._order(n))

    def tensors(self, n: int, latent_dim: int) -> Time:
        """Decode latents drawn in bulk, in micro-batches."""
        import torch

        def call() -> None:
            with torch.inference_mode():
                for _ in range(n // self.size):
                    self.generator.sample(torch.randn(self.size, latent_dim), None)

        return time_call(call)

    def pictures(self, n: int) -> Time:
        """Make PIL pictures, each from its own noise stream; the items, which the pipeline would build, are ready."""
        from aigc_core import Condition, Item, Noise
        from aigc_core.content import EMPTY

        options = self.plan(1).options
        items = [Item(None, EMPTY, Condition(), options, Noise(seed, "generate/0")) for seed in range(n)]

        def call() -> None:
            for start in range(0, n, self.size):
                for _ in self.generator.generate(items[start : start + self.size]):
                    pass

        return time_call(call)


def plain_pictures(sample: Callable[[Any, int], Any], network: Any, n: int) -> Time:
    """Sample with a script's loop and make PIL images of it, as ``ToPILImage`` does."""
    from PIL import Image

    def call() -> None:
        for pixels in sample(network, n):
            array = pixels.mul(255).byte().permute(1, 2, 0).numpy()
            Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)

    return time_call(call)


def mlp(place: Path, plugin: Path) -> tuple[dict[str, Ours], Any]:
    """Return our VAE in both precisions, and the script's with the very same weights."""
    from peers import vae_mlp
    from peers.components import VaeMlp, VaeMlpConfig

    from aigc_core import DataShape

    config = VaeMlpConfig(components=1)
    component = VaeMlp(config, DataShape((1, 28, 28)))
    tensors = _tensors(component)
    parts = {"options": config.model_dump(mode="json"), "shape": (1, 28, 28)}
    peer = vae_mlp.VAE()
    decoder = component.networks["decoder"].state_dict()
    for ours, theirs in ((0, peer.fc3), (2, peer.fc4)):
        theirs.weight.data.copy_(decoder[f"{ours}.weight"])
        theirs.bias.data.copy_(decoder[f"{ours}.bias"])
    return {name: Ours(place, plugin, "vae-mlp", name, tensors, **parts) for name in PRECISIONS}, peer


def dcgan(place: Path, plugin: Path) -> tuple[dict[str, Ours], Any]:
    """Return our DCGAN in both precisions, and the script's generator with the very same weights."""
    from peers import dcgan as peer
    from peers.components import Dcgan, DcganConfig

    from aigc_core import DataShape

    component = Dcgan(DcganConfig(), DataShape((3, 64, 64)))
    parts = {"options": {}, "shape": (3, 64, 64)}
    network = peer.generator()
    network.load_state_dict(component.networks["generator"].state_dict())
    return {name: Ours(place, plugin, "dcgan", name, _tensors(component), **parts) for name in PRECISIONS}, network


def _tensors(component: Any) -> dict[str, Any]:
    import torch

    tensors = {
        f"{name}.{key}": tensor
        for name in component.inference
        for key, tensor in component.networks[name].state_dict().items()
    }
    shapes = component.sampler_shapes()  # a mixture of one standard normal
    return tensors | {
        f"sampler.{key}": torch.eye(shape[-1]).expand(shape).clone()
        if len(shape) == 3
        else torch.full(shape, float(len(shape) == 1))
        for key, shape in shapes.items()
    }


def measure_mlp(place: Path, plugin: Path, n: int, turns: int) -> tuple[dict[str, Time], list[Bar]]:
    from peers import vae_mlp

    ours, peer = mlp(place, plugin)
    sides = {"tensors: plain loop, float32": lambda: time_call(lambda: vae_mlp.sample(peer, n))}
    if installed("pythae"):
        from peers import pythae_vae

        vae = pythae_vae.model(20, hidden=400)
        sides["tensors: pythae's GenerationPipeline"] = lambda: time_call(lambda: pythae_vae.sample(vae, n))
    sides |= {f"tensors: ours, {name}": lambda each=each: each.tensors(n, 20) for name, each in ours.items()}
    sides["pictures: plain loop, float32"] = lambda: plain_pictures(vae_mlp.sample, peer, n)
    sides |= {f"pictures: ours, {name}": lambda each=each: each.pictures(n) for name, each in ours.items()}
    taken = medians(sides, turns)
    peers = {"tensors: plain loop, float32": 3, "tensors: pythae's GenerationPipeline": 4}
    return taken, _bars("MLP decoder", taken, peers)


def measure_dcgan(place: Path, plugin: Path, n: int, turns: int) -> tuple[dict[str, Time], list[Bar]]:
    from peers import dcgan as peer

    ours, network = dcgan(place, plugin)
    sides = {"tensors: plain loop, float32": lambda: time_call(lambda: peer.sample(network, n))}
    sides |= {f"tensors: ours, {name}": lambda each=each: each.tensors(n, peer.NZ) for name, each in ours.items()}
    sides["pictures: plain loop, float32"] = lambda: plain_pictures(peer.sample, network, n)
    sides |= {f"pictures: ours, {name}": lambda each=each: each.pictures(n) for name, each in ours.items()}
    taken = medians(sides, turns)
    return taken, _bars("DCGAN-64 generator", taken, {"tensors: plain loop, float32": 2.5})


def _bars(network: str, taken: Mapping[str, Time], peers: Mapping[str, float]) -> list[Bar]:
    fastest = min(time.cpu for name, time in taken.items() if name.startswith("tensors: ours"))
    return [
        Bar(f"{network}: ours / {name.removeprefix('tensors: ')}", taken[name].cpu / fastest, least, "×", least=True)
        for name, least in peers.items()
        if name in taken
    ]


def measure_png(place: Path, plugin: Path, n: int, turns: int) -> tuple[dict[str, Time], list[Bar]]:
    ours, _ = mlp(place, plugin)
    pipeline, plan = ours["float32"].pipeline, ours["float32"].plan(n)
    artifacts = pipeline.generate("image", n=n, seed=0, model=str(place / "vae-mlp-float32")).artifacts
    assert len(artifacts) == n, f"{len(artifacts)} of {n}"
    content = artifacts[0].save(place / "one.png").read_bytes()

    def into_new_folder(write: Callable[[Path], Any]) -> Time:
        files = Path(tempfile.mkdtemp(dir=place))
        return time_call(lambda: write(files))

    def save(files: Path) -> None:
        for artifact in artifacts:
            artifact.save(files / f"{artifact.seed}.png")

    def write_bytes(files: Path) -> None:
        for index in range(n):
            (files / f"{index}.png").write_bytes(content)

    sides = {
        "writing: ours, with recipes": lambda: into_new_folder(save),
        "making and writing: ours, the whole pipeline": lambda: into_new_folder(
            lambda files: deque(pipeline.stream(plan, output=files), maxlen=0)  # what is on the disk is not kept
        ),
    }
    if installed("pythae"):
        import torch
        from peers import pythae_vae

        vae = pythae_vae.model(20, hidden=400)
        sampler = pythae_vae.pipeline(vae).sampler
        made = torch.rand(n, 1, 28, 28)

        def save_theirs(files: Path) -> None:
            for index, pixels in enumerate(made):
                sampler.save_img(pixels, str(files), f"{index:08d}.png")

        sides["writing: pythae, no metadata"] = lambda: into_new_folder(save_theirs)
        sides["making and writing: pythae's pipeline"] = lambda: into_new_folder(
            lambda files: pythae_vae.save(vae, n, files)
        )
    sides["writing: the system alone, the same bytes"] = lambda: into_new_folder(write_bytes)
    taken = medians(sides, turns)
    rate = n / taken["making and writing: ours, the whole pipeline"].cpu
    return taken, [Bar("PNG files with recipes, making them included", rate, 1500, " / CPU-second", least=True)]


def report(title: str, n: int, turns: int, taken: Mapping[str, Time]) -> None:
    """Print one table; each row is held against the first of its kind."""
    print(f"\n{title}, n = {n:,}; medians of {turns} turns\n")
    first: dict[str, float] = {}
    rows = []
    for name, time in taken.items():
        base = first.setdefault(name.partition(":")[0], time.cpu)
        rows.append([name, f"{n / time.cpu:,.0f}", f"{base / time.cpu:.2f}", f"{n / time.wall:,.0f}"])
    print_table(["what", "items / CPU-second", "× first of its kind", "items / second by the clock"], rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=9, help="turns of each side that count")
    parser.add_argument("--only", choices=["mlp", "dcgan", "png"], help="one table alone")
    parser.add_argument("--mlp-n", type=int, default=16_384, help="items a turn")
    parser.add_argument("--dcgan-n", type=int, default=256, help="items a turn")
    parser.add_argument("--png-n", type=int, default=2_048, help="files a turn")
    parser.add_argument("--folder", type=Path, help="where files are written to; default: a temporary folder")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    reports = []
    bars: list[Bar] = []
    tables = {
        "mlp": ("MLP decoder, 322,784 parameters, 28×28", measure_mlp, arguments.mlp_n),
        "dcgan": ("DCGAN generator, 3,576,704 parameters, 64×64", measure_dcgan, arguments.dcgan_n),
        "png": ("PNG files, 28×28", measure_png, arguments.png_n),
    }
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        plugin = Path(folder) / "bench_peers.py"
        plugin.write_text(PLUGIN, encoding="utf-8")
        for name, (title, measure, n) in tables.items():
            if arguments.only in (None, name):
                taken, judged = measure(Path(folder), plugin, n, arguments.turns)
                reports.append((title, n, arguments.turns, taken))
                bars += judged
    print(versions("aigc-core", "torch", "numpy", "pillow", "pythae"))
    print("One thread, one process, sides in turn.")
    for each in reports:
        report(*each)
    return judge(bars)


if __name__ == "__main__":
    sys.exit(main())
