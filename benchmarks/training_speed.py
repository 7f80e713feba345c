"""How fast models are trained: pictures per CPU-second with one thread, the same network on all sides.

    python benchmarks/training_speed.py [--turns N] [--only vae|dcgan] [--no-compile]

Two networks: the MLP VAE of pytorch/examples (652,824 parameters, MNIST), and its DCGAN at 64×64 (6,342,272
parameters). The sides are the script's plain loop, pythae's trainer (VAE only; ``pip install pythae``), our loop in
float32, bfloat16 and bfloat16 with ``torch.compile``, and bare loops written by hand with the same settings as ours.
All sides of one network are trainings under way in one process; each takes a turn of a fixed number of steps, in
turn. Data loading is counted; starting and compiling is not, and stands in a column of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from measuring import Bar, Session, Time, every, installed, judge, medians, one_thread, print_table, versions

one_thread()
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recipes"))

Sides = Mapping[str, Callable[[Callable[[], None]], Any]]

#: Our settings that are measured: what the row is called → precision and compile.
OURS = {
    "float32": ("float32", False),
    "bfloat16": ("bfloat16", False),
    "bfloat16 + compile": ("bfloat16", True),
}
FOR_EVER = 10**9  # steps: a session ends when it is closed


def vae_sides(pixels: Any, steps: int, *, compiled: bool) -> dict[str, Callable[[Callable[[], None]], Any]]:
    """Return the trainings of the MLP VAE, each calling back after every `steps` steps."""
    from peers import bare, vae_mlp
    from peers.components import VaeMlp, VaeMlpConfig

    rates = {"batch": vae_mlp.BATCH, "lr": vae_mlp.LEARNING_RATE}
    sides: dict[str, Callable[[Callable[[], None]], Any]] = {
        "plain loop, float32": lambda done: vae_mlp.train(pixels, FOR_EVER, every(steps, done))
    }
    if installed("pythae"):
        from peers import pythae_vae

        def pythae(done: Callable[[], None]) -> None:
            vae = pythae_vae.model(20, hidden=400)
            pythae_vae.train(vae, pixels, FOR_EVER, every(steps, done), **rates)

        sides["pythae's trainer, float32"] = pythae
    config = VaeMlpConfig()
    return sides | _ours(VaeMlp, config, pixels, steps, rates, bare.vae, compiled=compiled)


def dcgan_sides(pixels: Any, steps: int, *, compiled: bool) -> dict[str, Callable[[Callable[[], None]], Any]]:
    """Return the trainings of the DCGAN, each calling back after every `steps` steps."""
    from peers import bare, dcgan
    from peers.components import Dcgan, DcganConfig

    rates = {"batch": dcgan.BATCH, "lr": dcgan.LEARNING_RATE, "betas": dcgan.BETAS}
    plain = {"plain loop, float32": lambda done: dcgan.train(pixels, FOR_EVER, every(steps, done))}
    return plain | _ours(Dcgan, DcganConfig(), pixels, steps, rates, bare.dcgan, compiled=compiled)


def _ours(
    component: Any,
    config: Any,
    pixels: Any,
    steps: int,
    rates: Mapping[str, Any],
    by_hand: Callable[..., None],
    *,
    compiled: bool,
) -> dict[str, Callable[[Callable[[], None]], Any]]:
    """Return our loop and the bare loop at each setting, side by side."""
    from aigc_core import DataShape, Pictures, TrainingOptions, train

    sides: dict[str, Callable[[Callable[[], None]], Any]] = {}
    for name, (precision, compile_it) in OURS.items():
        if compile_it and not compiled:
            continue
        options = TrainingOptions(
            **rates,
            steps=FOR_EVER,
            precision=precision,  # type: ignore[arg-type]
            compile=compile_it,
            device="cpu",
            threads=1,
            log_every=steps,
            ema_images=0,  # the peers average no weights
        )

        def ours(done: Callable[[], None], options: TrainingOptions = options) -> None:
            train(component, config, Pictures(pixels), options, lambda *_: done())

        def bare(
            done: Callable[[], None], bfloat16: bool = precision == "bfloat16", compile_it: bool = compile_it
        ) -> None:
            networks = component(config, DataShape(pixels.shape[1:])).networks
            by_hand(networks, pixels, every(steps, done), bfloat16=bfloat16, compiled=compile_it, **rates)

        sides[f"ours, {name}"] = ours
        sides[f"bare loop, {name}"] = bare
    return sides


def measure(sides: Sides, turns: int) -> tuple[dict[str, Time], dict[str, Time]]:
    """Let all sides take turns; return the median turn of each, and its first one, which does not count."""
    sessions = {name: Session(training) for name, training in sides.items()}
    try:
        taken = medians({name: session.turn for name, session in sessions.items()}, turns)
    finally:
        for session in sessions.values():
            session.close()
    return taken, {name: session.first for name, session in sessions.items() if session.first is not None}


def report(title: str, pictures: int, turns: int, taken: Mapping[str, Time], first: Mapping[str, Time]) -> None:
    """Print one network's table."""
    plain = taken["plain loop, float32"].cpu
    print(f"\n{title}; medians of {turns} turns of {pictures:,} pictures each\n")
    print_table(
        ["training", "pictures / CPU-second", "× plain", "pictures / second by the clock", "start, compiling (clock)"],
        [
            [
                name,
                f"{pictures / time.cpu:,.0f}" if pictures / time.cpu >= 100 else f"{pictures / time.cpu:,.1f}",
                f"{plain / time.cpu:.2f}",
                f"{pictures / time.wall:,.0f}" if pictures / time.wall >= 100 else f"{pictures / time.wall:,.1f}",
                f"{max(first[name].wall - time.wall, 0):.1f} s",
            ]
            for name, time in taken.items()
        ],
    )


def bars(
    network: str, taken: Mapping[str, Time], peers: Mapping[str, float], loops: Mapping[str, float] | None = None
) -> list[Bar]:
    """Return the bars: our best over each peer, and at each setting what our loop costs over the bare one."""
    fastest = min(time.cpu for name, time in taken.items() if name.startswith("ours"))
    found = [
        Bar(f"{network}: ours / {peer}", taken[peer].cpu / fastest, least, "×", least=True)
        for peer, least in peers.items()
        if peer in taken
    ]
    for name in OURS:
        if f"ours, {name}" in taken:
            cost = taken[f"ours, {name}"].cpu / taken[f"bare loop, {name}"].cpu - 1
            found.append(Bar(f"{network}: our loop over the bare one, {name}", cost * 100, 5, " %"))
    return found


def main() -> int:
    arguments = _arguments()
    import mnist
    import torch

    torch.set_num_threads(1)
    judged: list[Bar] = []
    tables: list[tuple[Any, ...]] = []
    if arguments.only != "dcgan":
        from peers import vae_mlp

        sides = vae_sides(mnist.load("train").pixels, arguments.vae_steps, compiled=not arguments.no_compile)
        taken, first = measure(sides, arguments.turns)
        pictures = arguments.vae_steps * vae_mlp.BATCH
        tables.append(("MLP VAE, 652,824 parameters, batch 128, MNIST", pictures, arguments.turns, taken, first))
        judged += bars("MLP VAE", taken, {"plain loop, float32": 2.5, "pythae's trainer, float32": 1.8})
    if arguments.only != "vae":
        import emoji
        from peers import dcgan

        sides = dcgan_sides(
            emoji.load("train", repeated=False).pixels, arguments.dcgan_steps, compiled=not arguments.no_compile
        )
        taken, first = measure(sides, arguments.turns)
        pictures = arguments.dcgan_steps * dcgan.BATCH
        title = "DCGAN 64×64, 6,342,272 parameters, batch 64, emoji; bfloat16 is channels_last"
        tables.append((title, pictures, arguments.turns, taken, first))
        judged += bars("DCGAN 64×64", taken, {"plain loop, float32": 2.4})
    print(versions("aigc-core", "torch", "numpy", "pillow", "pythae"))
    print("One thread, one process, sides in turn; CPU time with data loading.")
    for table in tables:
        report(*table)
    return judge(judged)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=9, help="turns of each side that count")
    parser.add_argument("--vae-steps", type=int, default=100, help="steps in a turn of the VAE")
    parser.add_argument("--dcgan-steps", type=int, default=2, help="steps in a turn of the DCGAN")
    parser.add_argument("--only", choices=["vae", "dcgan"], help="one network alone")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
