"""Trains a small VAE, alone or as one of several processes, and prints its losses. Run by ``test_processes.py``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

from aigc_core import Pictures, TrainingOptions
from aigc_core.training import Training
from aigc_image.options import VaeConfig
from aigc_image.vae import Vae


def main(digits: Path, checkpoints: Path | None) -> None:
    """Take ten steps on the digits, print a loss a step, and keep a checkpoint."""
    torch.set_num_threads(1)
    with np.load(digits) as arrays:
        data = Pictures(arrays["pixels"])
    config = VaeConfig(architecture="mlp", hidden=32, latent_dim=4, components=2)
    options = TrainingOptions(steps=10, batch=32, log_every=1, precision="float32", device="cpu", flip=True, crop=2)
    training = Training(Vae, config, data, options)
    losses = [training.advance()["elbo/loss"] for _ in range(10)]
    if checkpoints:
        from aigc_core.training.loop.checkpoint import Checkpoints

        written = Checkpoints(checkpoints, training.workers)
        written.write(training.save())
        again = written.latest()
        assert again is not None
        training.restore(again)
    if training.workers.index == 0:
        sys.stdout.write(json.dumps({"processes": training.workers.count, "losses": losses}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
