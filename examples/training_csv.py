"""An experiment tracker in one file: every number a training logs, in a table that any program reads.

Use it with:  aigc train image/gan PHOTOS --plugin examples/training_csv.py

It writes NAME.csv into the current folder, one number a row, so that a log that comes up late needs no new column:

    step,name,value
    100,discriminator/loss,1.3862
    100,generator/loss,0.6931
    100,examples_per_second,212.5

To tell Weights & Biases or MLflow instead, call `wandb.log(...)` or `mlflow.log_metrics(...)` where this one writes.
"""

import csv
from pathlib import Path

from aigc_core import hookimpl


# aigc looks for functions with this mark. This one is called each time a training writes a row of its log; should it
# fail, the training goes on, and says so.
@hookimpl
def aigc_training_logged(event):
    path = Path(f"{event.training}.csv")
    numbers = {**event.logs, "examples_per_second": event.examples_per_second}
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        if new:
            rows.writerow(["step", "name", "value"])
        # A training that was resumed takes some steps again: of two rows with one step and name, the later one counts.
        rows.writerows([event.step, name, value] for name, value in numbers.items())
