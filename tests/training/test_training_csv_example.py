"""The experiment tracker of the examples, loaded from its file and told of a training as the core tells it."""

from __future__ import annotations

import csv
from pathlib import Path

from aigc_core import Pipeline
from aigc_core.events import TrainingLogged

EXAMPLE = Path(__file__).parents[2] / "examples" / "training_csv.py"


def test_every_number_of_the_log_becomes_a_row():
    registry = Pipeline(plugins=[EXAMPLE]).registry
    assert registry.watches("aigc_training_logged")
    for step, logs in [(100, {"elbo/loss": 2.5}), (200, {"elbo/loss": 1.5, "samples/coverage": 0.75})]:
        registry.notify("aigc_training_logged", TrainingLogged("my-vae", "image/vae", step, 200, logs, 64.0))

    with Path("my-vae.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["step", "name", "value"],
            ["100", "elbo/loss", "2.5"],
            ["100", "examples_per_second", "64.0"],
            ["200", "elbo/loss", "1.5"],
            ["200", "samples/coverage", "0.75"],
            ["200", "examples_per_second", "64.0"],
        ]
