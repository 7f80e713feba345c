"""How good generated digits are at an equal budget of CPU-seconds, one thread: FD(digits-cnn) on the test digits.

    python benchmarks/mnist_quality.py [--budget SECONDS] [--seeds 0 1 2] [--only WORD] [--table]

``digits-cnn``, the judge, is a classifier that was trained and frozen before anything here; its space is not
Inception's, so the number is called FD(digits-cnn) and never FID. 55,000 training digits are learnt from; the last
5,000 choose settings; the figure is that on the 10,000 test digits, mean and standard deviation over the training
seeds, 10,000 samples each, with the distance between real and real beside it. Every training stops when its budget of
CPU-seconds is spent (steps are decided after a timed warm-up); what each used is in the table. Fitting a mixture
after the training is not in the budget, and has a column of its own.

Peers: the textbook MLP GAN, as published; pythae's VAE with its own default network for vectors (784-512-16-512-784),
with its normal and its Gaussian-mixture sampler, three settings to choose from. "ours on pythae's network" is that
network with the same loss in our loop, at half the CPU-seconds. Finished trainings are kept under ``results/`` and
not run again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from measuring import Bar, installed, judge, one_thread, versions

one_thread()
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "recipes"))

from entrants import as_bytes, ours  # noqa: E402 - below what they need
from trials import Contest, Entrant, chosen, figures, print_entrants  # noqa: E402

VALIDATION = 5_000
LATENT_DIM = 16
COMPONENTS = (10, 64)  # pythae's default, and ours

GAN_MLP = "textbook MLP GAN loop"
PYTHAE = "pythae's VAE"
ON_PYTHAE = "ours on pythae's network, half the CPU"
GAN = "our small convolutional GAN"
VAE, AE = "our VAE preset", "our AE preset"


def digits() -> tuple[Any, Any, Any]:
    """Return training, validation and test digits; training ones as ``Pictures`` without labels."""
    import mnist

    from aigc_core import Pictures

    train, test = mnist.load("train").pixels, mnist.load("t10k").pixels
    return Pictures(train[:-VALIDATION]), train[-VALIDATION:], test


def textbook_gan() -> Entrant:
    """Enter the textbook loop: as published, no settings to choose."""
    from peers import gan_mlp

    def train(chosen: Any, data: Any, seed: int, steps: int, done: Callable[[], None], turn: int) -> Any:
        from measuring import every

        return gan_mlp.train(data.pixels, steps, every(turn, done))

    def samplers(chosen: Any, net_g: Any, data: Any, seed: int) -> Mapping[str, Callable[[int], Any]]:
        return {
            "running statistics": lambda n: as_bytes(gan_mlp.sample(net_g, n)),
            "batch statistics": lambda n: as_bytes(gan_mlp.sample(net_g, n, running=False)),
        }

    return Entrant(GAN_MLP, ({},), train, samplers)


def pythae() -> Entrant:
    """Enter pythae: its defaults, and what its examples for MNIST and ours would choose."""
    from peers import pythae_vae

    def train(chosen: Any, data: Any, seed: int, steps: int, done: Callable[[], None], turn: int) -> Any:
        from measuring import every

        vae = pythae_vae.model(LATENT_DIM, reconstruction=chosen["reconstruction"])
        count = every(turn, done)
        return pythae_vae.train(vae, data.pixels, steps, count, batch=64, lr=chosen["lr"], seed=seed)

    def samplers(chosen: Any, vae: Any, data: Any, seed: int) -> Mapping[str, Callable[[int], Any]]:
        def mixture(components: int) -> Callable[[int], Any]:
            return lambda n: as_bytes(pythae_vae.fit_mixture(vae, data.pixels, components).sample(n))

        normal = {"normal": lambda n: as_bytes(pythae_vae.sample(vae, n))}
        return normal | {f"mixture of {components}": mixture(components) for components in COMPONENTS}

    settings = (
        {"reconstruction": "mse", "lr": 1e-4},  # its defaults
        {"reconstruction": "mse", "lr": 1e-3},
        {"reconstruction": "bce", "lr": 1e-3},
    )
    return Entrant(PYTHAE, settings, train, samplers)


def entrants() -> list[Entrant]:
    """Return all that can take part here, in the order of the table."""
    from peers.components import VaeMlp

    from aigc_image.autoencoder import Autoencoder
    from aigc_image.gan import Gan
    from aigc_image.options import AutoencoderOptions, GanOptions, VaeOptions
    from aigc_image.vae import Vae

    priors = {"prior": VaeOptions(sampler="prior"), "mixture of 64": VaeOptions(sampler="gmm")}
    cosine = {"schedule": "cosine", "precision": "auto"}
    found = [textbook_gan()]
    found += [pythae()] if installed("pythae") else []
    return [
        *found,
        ours(
            ON_PYTHAE,
            VaeMlp,
            ({"lr": 1e-3}, {"lr": 2e-3}, {"lr": 4e-3}),
            config={"hidden": 512, "latent_dim": LATENT_DIM, "components": 64},
            training=cosine | {"batch": 128},
            options=priors,
            share=0.5,
        ),
        ours(
            GAN,
            Gan,
            tuple({"width": 16, "lr": lr} for lr in (4e-4, 3.2e-3, 6.4e-3)),
            config={"loss": "hinge"},
            training=cosine | {"batch": 64, "betas": (0.0, 0.99)},
            options={"latents": GanOptions()},
            turn=10,
        ),
        ours(
            VAE,
            Vae,
            tuple({"width": width, "lr": lr} for width in (16, 32) for lr in (1e-3, 2e-3)),
            training=cosine | {"batch": 64},
            options=priors,
            turn=10,
        ),
        ours(
            AE,
            Autoencoder,
            tuple({"width": width, "lr": lr} for width in (16, 32) for lr in (1e-3, 2e-3)),
            config={"reconstruction": "bernoulli"},
            training=cosine | {"batch": 64},
            options={"mixture of 64": AutoencoderOptions()},
            turn=10,
        ),
    ]


def frechet(validation: Any, test: Any) -> tuple[Callable[[Any], Mapping[str, float]], str]:
    """Return the judge, as a function of pictures, and what changes whenever it would judge otherwise."""
    import judging

    eye = judging.judge("digits-cnn")

    def judged(pictures: Any) -> Mapping[str, float]:
        splits = {"validation": validation, "test": test}
        found = {
            split: eye.measure("frechet", generated=pictures, reference=real)["FD"].value
            for split, real in splits.items()
        }
        eye.forget(pictures)
        return found

    return judged, eye.fingerprint


def print_heading(contest: Contest, validation: Any) -> None:
    """Print budget and n, and how far real digits are from the test digits."""
    print(f"Budget: {contest.budget:g} CPU-seconds a training, one thread; n = {contest.n:,}; lower is better.")
    learnt_from = contest.data.pixels[: contest.n]
    for what, pictures in (("training", learnt_from), ("validation", validation)):
        print(f"Real against real, {len(pictures):,} {what} digits: {contest.judge(pictures)['test']:.2f}")
    print()


def bars(contest: Contest, everybody: list[Entrant]) -> list[Bar]:
    """Return the bars for which all trials are there, each the ratio of two means on the test digits."""
    by_name = {entrant.name: entrant for entrant in everybody}

    def figure(entrant: str, *samplers: str) -> float | None:
        """Return the mean on test of the sampler, among those named, that does best on validation."""
        trials = chosen(contest.finished(by_name[entrant])) if entrant in by_name else []
        if not trials:
            return None
        named = samplers or tuple(trials[0]["samplers"])
        best = min(named, key=lambda sampler: sum(figures(trials, sampler, "validation")))
        return sum(figures(trials, best, "test")) / len(trials)

    mixtures = tuple(f"mixture of {components}" for components in COMPONENTS)
    wanted = [
        ("our GAN / textbook GAN", figure(GAN), figure(GAN_MLP), 0.2),
        ("ours on pythae's network / pythae, normal prior", figure(ON_PYTHAE, "prior"), figure(PYTHAE, "normal"), 1.05),
        (
            "ours on pythae's network / pythae, mixture",
            figure(ON_PYTHAE, "mixture of 64"),
            figure(PYTHAE, *mixtures),
            1.05,
        ),
        ("our VAE preset, mixture / pythae's best", figure(VAE, "mixture of 64"), figure(PYTHAE), 1),
        ("our AE preset, mixture / pythae's best", figure(AE), figure(PYTHAE), 1),
    ]
    return [Bar(what, ours / theirs, limit) for what, ours, theirs, limit in wanted if ours and theirs]


def main() -> int:
    arguments = _arguments()
    import torch

    torch.set_num_threads(1)
    train, validation, test = digits()
    judged, fingerprint = frechet(validation, test)
    conditions = {"judge": fingerprint, "validation": "the last 5,000 training digits"}
    contest = Contest(train, judged, arguments.budget, arguments.n, arguments.results, conditions)
    everybody = entrants()
    for entrant in everybody:
        if not arguments.table and (arguments.only or "") in entrant.name:
            contest.run(entrant, arguments.seeds)
    print(versions("aigc-core", "torch", "numpy", "scikit-learn", "pythae"))
    print_heading(contest, validation)
    print_entrants(contest, everybody, {"FD(digits-cnn), test": "test", "validation": "validation"})
    return judge(bars(contest, everybody))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--budget", type=float, default=120, help="CPU-seconds of a training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="training seeds")
    parser.add_argument("-n", type=int, default=10_000, help="samples that are judged")
    parser.add_argument("--only", help="run only entrants whose name has this in it; the table is of all")
    parser.add_argument("--table", action="store_true", help="run nothing, print what is there")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "mnist", help="folder of finished trainings")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
