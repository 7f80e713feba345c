"""Which GAN loss to choose: the same networks, the same budget of CPU-seconds, the learning rate tuned for each.

    python benchmarks/gan_losses.py [--budget SECONDS] [--seeds 0 1 2] [--only LOSS] [--table]

``image/gan`` on MNIST without labels, convolutional, width 16, Adam with betas (0, 0.99), cosine schedule, averaged
weights. For each loss the learning rate is chosen from a grid by FD(digits-cnn) on 5,000 validation digits with the
first seed; the figure is that on the 10,000 test digits over all seeds. The discriminators of minimax,
non-saturating, hinge and least-squares are spectrally normalised; those of wasserstein-gp and relativistic are held
by their own gradient penalties instead, as published; ``--norm-all`` normalises those, too. A penalty's second
backward pass is paid from the budget. Finished trainings are kept under ``results/`` and not run again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import get_args

from measuring import one_thread, versions

one_thread()
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "recipes"))

from entrants import ours  # noqa: E402 - below what it needs
from mnist_quality import digits, frechet, print_heading  # noqa: E402
from trials import Contest, Entrant, print_entrants  # noqa: E402

LOSSES = ("minimax", "non-saturating", "hinge", "least-squares", "wasserstein-gp", "relativistic")
PENALISED = ("wasserstein-gp", "relativistic")
RATES = (8e-4, 1.6e-3, 3.2e-3, 6.4e-3, 1.28e-2)


def entrants(*, norm_all: bool) -> list[Entrant]:
    """Return one for each loss that ``image/gan`` has, and say which it has not."""
    from aigc_image.gan import Gan
    from aigc_image.options import GanConfig, GanOptions

    there = get_args(GanConfig.model_fields["loss"].annotation)
    for loss in LOSSES:
        if loss not in there:
            print(f"MISSING: image/gan has no loss {loss!r}")
    return [
        ours(
            loss,
            Gan,
            tuple({"lr": rate} for rate in RATES),
            config={"loss": loss, "width": 16, "spectral_norm": norm_all or loss not in PENALISED},
            training={"schedule": "cosine", "precision": "auto", "batch": 64, "betas": (0.0, 0.99)},
            options={"latents": GanOptions()},
            turn=16,  # a multiple of what a penalty may be lazy by
        )
        for loss in LOSSES
        if loss in there
    ]


def main() -> int:
    arguments = _arguments()
    import torch

    torch.set_num_threads(1)
    train, validation, test = digits()
    judged, fingerprint = frechet(validation, test)
    conditions = {"judge": fingerprint, "validation": "the last 5,000 training digits", "norm all": arguments.norm_all}
    contest = Contest(train, judged, arguments.budget, arguments.n, arguments.results, conditions)
    everybody = entrants(norm_all=arguments.norm_all)
    for entrant in everybody:
        if not arguments.table and arguments.only in (None, entrant.name):
            contest.run(entrant, arguments.seeds)
    print(versions("aigc-core", "torch", "numpy"))
    print_heading(contest, validation)
    print_entrants(contest, everybody, {"FD(digits-cnn), test": "test", "validation": "validation"})
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--budget", type=float, default=120, help="CPU-seconds of a training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="training seeds")
    parser.add_argument("-n", type=int, default=10_000, help="samples that are judged")
    parser.add_argument("--norm-all", action="store_true", help="normalise every discriminator spectrally")
    parser.add_argument("--only", choices=LOSSES, help="run one loss; the table is of all")
    parser.add_argument("--table", action="store_true", help="run nothing, print what is there")
    parser.add_argument(
        "--results", type=Path, default=HERE / "results" / "gan-losses", help="folder of finished trainings"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
