"""Two processes under ``torchrun`` learn what one learns from the same batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DIGITS = HERE.parents[1] / "fixtures" / "mnist-200.npz"


def losses(processes, *arguments):
    """Run the training in so many processes and return its losses."""
    script = [str(HERE / "loss_curve.py"), str(DIGITS), *arguments]
    command = [sys.executable, *script]
    if processes > 1:
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        command = [sys.executable, *launcher, *script]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300
    )
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout.strip().splitlines()[-1])
    assert said["processes"] == processes
    return said["losses"]


def test_two_processes_give_the_loss_curve_of_one(tmp_path):
    together = losses(2, str(tmp_path))
    assert together == pytest.approx(losses(1), rel=1e-4)
    assert len(set(together)) == 10
    (checkpoint,) = tmp_path.iterdir()
    assert sorted(path.name for path in checkpoint.iterdir()) == [
        "checkpoint.json",
        "process-0.safetensors",
        "process-1.safetensors",
    ]
