"""How good generated emoji are at an equal budget of CPU-seconds, one thread: KID(efficientnet-lite0) and its company.

    python benchmarks/emoji_quality.py [--budget SECONDS] [--seeds 0 1 2] [--only WORD] [--shipped] [--table]

``emoji-gan`` and ``emoji-vae`` as their recipes train them, but for a budget, and the plain DCGAN loop of
pytorch/examples, which has no labels, on the same training pictures. Held against validation emoji, whose concepts
nobody was trained on: KID (lower is better), precision, recall, density and coverage (higher is better). Ours are
asked for the groups of the validation emoji in turn.

Near copies: of each sample and of each validation picture, the distance to the nearest training picture, in the same
space; a one-sided Mann-Whitney test of whether samples lie nearer. "nearer" is the share of pairs in which a sample
does (0.5: no difference), p how likely so large a share is where there is none.

``--shipped`` judges the bundled models, too, which were trained for longer. Finished trainings are kept under
``results/`` and not run again; a sheet of 100 samples lies beside each. Look at them.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from measuring import Bar, every, installed, judge, one_thread, print_table, versions

one_thread()
HERE = Path(__file__).resolve().parent
RECIPES = HERE.parent / "recipes"
sys.path.insert(0, str(RECIPES))

from entrants import as_bytes, ours, sample  # noqa: E402 - below what they need
from trials import Contest, Entrant, chosen, figures, print_entrants  # noqa: E402

DCGAN = "plain DCGAN loop"
NAMES = ("emoji-gan", "emoji-vae")
EMBEDDER = "efficientnet-lite0"
NUMBERS = {
    "KID": "validation",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "nearer": "nearer",
    "p": "p",
}


def plain_dcgan() -> Entrant:
    """Enter the script's loop: as published, no settings to choose."""
    from peers import dcgan

    def train(chosen: Any, data: Any, seed: int, steps: int, done: Callable[[], None], turn: int) -> Any:
        return dcgan.train(data.pixels, steps, every(turn, done))

    def samplers(chosen: Any, net_g: Any, data: Any, seed: int) -> Mapping[str, Callable[[int], Any]]:
        return {"latents": lambda n: as_bytes(dcgan.sample(net_g, n))}

    return Entrant(DCGAN, ({},), train, samplers, turn=2)


def from_recipe(name: str, labels: Any) -> Entrant | None:
    """Enter what a recipe says, without its number of steps; None, and a line, where there is no such recipe."""
    path = RECIPES / f"{name}.toml"
    if not path.exists():
        print(f"MISSING: there is no recipe {path.name}")
        return None
    recipe = tomllib.loads(path.read_text(encoding="utf-8"))
    component, options = _component(recipe["component"])
    training = {
        key: value
        for key, value in recipe.get("training", {}).items()
        if key not in ("steps", "threads", "log_every", "seed")
    }
    return ours(
        name,
        component,
        ({},),
        training=training,
        options={"as asked": options},
        config=recipe.get("config", {}),
        labels=labels,
        turn=8,  # a multiple of what a penalty may be lazy by
    )


def _component(name: str) -> tuple[Any, Any]:
    from judging import resolve

    import aigc_image

    spec = next(spec for spec in aigc_image.aigc_generators() if spec.name == name)
    return resolve(spec.trainable), resolve(spec.options)()


def eye(validation: Any, training: Any) -> tuple[Callable[[Any], Mapping[str, float]], str]:
    """Return the judge, as a function of pictures, and what changes whenever it would judge otherwise."""
    import judging

    embedder = judging.judge(EMBEDDER)

    def judged(pictures: Any) -> Mapping[str, float]:
        kid = embedder.measure("kid", generated=pictures, reference=validation)["KID"].value
        scores = embedder.measure("manifold", generated=pictures, reference=validation)
        copies = embedder.measure("memorisation", generated=pictures, reference=validation, training=training)
        nearer = copies["memorisation"]
        embedder.forget(pictures)
        company = {name.lower(): found.value for name, found in scores.items()}
        return {"validation": kid, **company, "nearer": nearer.value, "p": float(nearer.details["p"])}

    return judged, embedder.fingerprint


def shipped(judged: Callable[[Any], Mapping[str, float]], labels: Any, n: int) -> None:
    """Print the same numbers for the bundled models."""
    from aigc_core import Order, Pipeline

    pipeline = Pipeline()
    rows = []
    for name in NAMES:
        plan = pipeline.plan(Order("image", n=1, seed=0, model=name))
        pictures = sample(pipeline.generator(plan), n, 0, plan.options, labels)
        found = judged(pictures)
        rows.append([name, *[f"{found[number]:.4f}" for number in NUMBERS.values()]])
    print("\nAs they are shipped\n")
    print_table(["model", *NUMBERS], rows)


def main() -> int:
    arguments = _arguments()
    import emoji
    import torch

    if not installed("efficientnet-lite-pytorch"):
        return 1
    torch.set_num_threads(1)
    train, validation = emoji.load("train"), emoji.load("validation", repeated=False)
    judged, fingerprint = eye(validation.pixels, emoji.load("train", repeated=False).pixels)
    conditions = {"judge": fingerprint, "validation": len(validation), "training": len(train)}
    contest = Contest(train, judged, arguments.budget, arguments.n, arguments.results, conditions)
    recipes = [from_recipe(name, validation.labels) for name in NAMES]
    everybody = [plain_dcgan(), *[entrant for entrant in recipes if entrant is not None]]
    for entrant in everybody:
        if not arguments.table and (arguments.only or "") in entrant.name:
            contest.run(entrant, arguments.seeds)
    print(versions("aigc-core", "torch", "numpy", "pillow"))
    print(f"Budget: {arguments.budget:g} CPU-seconds a training, one thread; n = {arguments.n:,} samples.")
    print(
        f"Space: {EMBEDDER}; {len(validation):,} validation emoji, {len(train):,} training pictures with repetitions.\n"
    )
    print_entrants(contest, everybody, NUMBERS, places=4)
    if arguments.shipped:
        shipped(judged, validation.labels, arguments.n)
    return judge(_bars(contest, everybody))


def _bars(contest: Contest, everybody: list[Entrant]) -> list[Bar]:
    found: dict[str, dict[str, float]] = {}
    for entrant in everybody:
        if trials := chosen(contest.finished(entrant)):
            (sampler,) = trials[0]["samplers"]
            found[entrant.name] = {
                number: sum(figures(trials, sampler, number)) / len(trials) for number in ("validation", "p")
            }
    bars = [
        Bar(f"KID of {NAMES[0]} / {DCGAN}", found[NAMES[0]]["validation"] / found[DCGAN]["validation"], 0.7)
        for _ in range(DCGAN in found and NAMES[0] in found)
    ]
    return bars + [
        Bar(f"near copies of {name}: p of the one-sided test", found[name]["p"], 0.05, least=True)
        for name in NAMES
        if name in found
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--budget", type=float, default=1800, help="CPU-seconds of a training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="training seeds")
    parser.add_argument("-n", type=int, default=2_000, help="samples that are judged")
    parser.add_argument("--only", help="run only entrants whose name has this in it; the table is of all")
    parser.add_argument("--shipped", action="store_true", help="judge the bundled models, too")
    parser.add_argument("--table", action="store_true", help="run nothing, print what is there")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "emoji", help="folder of finished trainings")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
