"""Build a bundled model from its recipe, with one command: ``python recipes/build.py digits-gan``.

It fetches the data, trains, looks at the result, writes the model folder, and notes its sha256 in ``SHA256SUMS``, where
the plugin reads it.
"""

from __future__ import annotations

import argparse
import hashlib
import tomllib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import judge
import mnist
from PIL.Image import Image

import aigc_image
from aigc_core import Condition, Item, Noise, TrainingOptions, save_model, train
from aigc_core.contact_sheet import contact_sheet
from aigc_core.models import open_folder
from aigc_core.training import Trained

HERE = Path(__file__).parent
MODELS = HERE.parent / "plugins" / "aigc_image" / "models"
MICRO_BATCH = 16
JUDGED = 1000
SEED = 7  # of the sample sheet and of what the judge sees


def _import(reference: str) -> Any:
    module, _, path = reference.partition(":")
    found: Any = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def load(name: str) -> dict[str, Any]:
    """Read a recipe and build from it what it names."""
    recipe = tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))
    spec = next(spec for spec in aigc_image.aigc_generators() if spec.name == recipe["component"])
    component = _import(spec.trainable)
    return {
        "name": name,
        "component": component,
        "generator": spec,
        "config": component.Config(**recipe.get("config", {})),
        "training": TrainingOptions(**recipe.get("training", {})),
        "card": recipe["card"],
    }


def sample(folder: Path, recipe: Mapping[str, Any], count: int) -> tuple[list[Image], list[int | None]]:
    """Make `count` pictures with the model in `folder`, its labels in turn, as the pipeline would call it."""
    model = open_folder(folder)
    generator = _import(recipe["generator"].factory)(model)
    options = _import(recipe["generator"].options)()
    pictures: list[Image] = []
    labels = [index % len(model.labels) if model.labels else None for index in range(count + MICRO_BATCH)]
    for start in range(0, count, MICRO_BATCH):
        items = [
            Item(None, {}, Condition(index=labels[place]), options, Noise(SEED + place, "generate/0"))
            for place in range(start, start + MICRO_BATCH)
        ]
        pictures += [final.content for final in generator.generate(items)]
    return pictures[:count], labels[:count]


def write(recipe: Mapping[str, Any], trained: Trained) -> Path:
    """Write the model folder twice: to sample from it, then with samples and metrics."""
    data = mnist.load("train").described
    folder = MODELS / recipe["name"]
    parts: dict[str, Any] = {
        "name": recipe["name"],
        "component": recipe["generator"].name,
        "modality": "image",
        "options": trained.options,
        "shape": data.shape,
        "labels": data.labels if "label" in recipe["generator"].conditions else (),
        "tensors": trained.tensors,
        "micro_batch": MICRO_BATCH,
        "licence": "Apache-2.0",
        "card": recipe["card"],
        "save_dtype": "float16",
    }
    save_model(folder, **parts)
    pictures, labels = sample(folder, recipe, JUDGED)
    metrics = {
        "steps": trained.steps,
        "minutes": round(trained.seconds / 60, 1),
        "last_logs": {name: round(value, 4) for name, value in trained.history[-1].items() if name != "step"},
        "samples": judge.look_at(pictures, labels),
    }
    return save_model(folder, **parts, samples=contact_sheet(pictures[:100], columns=10), metrics=metrics)


def note_sha256(folder: Path) -> None:
    """Write the sha256 of the model's ``aigc.json`` into ``SHA256SUMS``, in the format of ``sha256sum``."""
    sums = folder.parent / "SHA256SUMS"
    lines = sums.read_text().splitlines() if sums.exists() else []
    digests = {file: digest for digest, file in (line.split() for line in lines)}
    manifest = folder / "aigc.json"
    digests[f"{folder.name}/aigc.json"] = hashlib.sha256(manifest.read_bytes()).hexdigest()
    sums.write_text("".join(f"{digest}  {file}\n" for file, digest in sorted(digests.items())))


def main() -> None:
    """Build what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(path.stem for path in HERE.glob("*.toml")))
    recipe = load(parser.parse_args().name)

    def tell(step: int, steps: int, logs: Mapping[str, float]) -> None:
        print(f"{step}/{steps}", *(f"{name} {value:.3f}" for name, value in logs.items()), flush=True)

    trained = train(recipe["component"], recipe["config"], mnist.load("train"), recipe["training"], tell)
    folder = write(recipe, trained)
    note_sha256(folder)
    print(f"{folder} holds {recipe['name']}; look at samples.png")


if __name__ == "__main__":
    main()
