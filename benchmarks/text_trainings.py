"""Trainings of text components that are kept, so that a benchmark that was interrupted goes on where it was."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import progress
from safetensors.torch import load_file, save_file

from aigc_core import TextData, TrainingOptions, train


@dataclass(frozen=True, slots=True)
class Finished:
    """A component, trained and ready for use, the CPU-seconds that it took, and its steps."""

    component: Any
    seconds: float
    steps: int


def trained(
    kind: Any, config: Any, data: TextData, training: Mapping[str, Any], epochs: float, results: Path
) -> Finished:
    """Return a finished training of so many epochs, or run it now and keep it in `results`.

    Args:
        kind: class with the training contract, whose constructor takes config and data.
        training: options of the loop, but for the steps.
    """
    from aigc_text.vae.examples import Sentences

    examples = Sentences(config, data)
    options = TrainingOptions(**training, steps=round(epochs * len(examples) / training["batch"]))
    asked = {"kind": kind.__name__, "config": config.model_dump(), "training": options.model_dump(mode="json")}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]
    path = results / f"{kind.__name__.lower()}-{digest}.safetensors"
    if not path.exists():
        results.mkdir(parents=True, exist_ok=True)
        started = time.process_time()

        def tell(step: int, steps: int, logs: Mapping[str, float]) -> None:
            progress(f"{path.stem} {step}/{steps} {dict(logs)}")

        finished = train(kind, config, examples, options, tell)
        asked |= {"seconds": time.process_time() - started}
        path.with_suffix(".json").write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")
        save_file({key: value.contiguous() for key, value in finished.tensors.items()}, path)
        progress("")
    component = kind(config, examples.described)
    _fill(component.networks, path)
    return Finished(component, json.loads(path.with_suffix(".json").read_text())["seconds"], options.steps)


def _fill(networks: Mapping[str, Any], path: Path) -> None:
    tensors = load_file(path)
    for name, network in networks.items():
        prefix = f"{name}."
        network.load_state_dict(
            {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        )
        network.eval().requires_grad_(False)
