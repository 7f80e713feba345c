"""Build a bundled model from its recipe, with one command: ``python recipes/build.py digits-gan``.

It fetches the data, trains, looks at the result, writes the model folder, and notes its sha256 in ``SHA256SUMS``, where
the plugin reads it.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import tomllib
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from PIL.Image import Image

import aigc_crossmodal
import aigc_image
import aigc_metrics
import aigc_text
from aigc_core import (
    Condition,
    ConditionedPictures,
    EmbedderSpec,
    Examples,
    Final,
    HasFiles,
    Item,
    Noise,
    Pictures,
    Pipeline,
    TrainingOptions,
    save_model,
    train,
)
from aigc_core.contact_sheet import contact_sheet
from aigc_core.models import Required, open_folder
from aigc_core.pipeline.embedders import ReadyEmbedder
from aigc_core.training import Trained

HERE = Path(__file__).parent
MICRO_BATCH = 16
JUDGED = 1000
SHOWN = 100  # on the sample sheet
HELD_OUT = 1000  # texts that the likelihood is measured on
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
    specs = {spec.name: (spec, plugin) for plugin in (aigc_image, aigc_text) for spec in plugin.aigc_generators()}
    embedders = (aigc_metrics, aigc_crossmodal)
    specs |= {spec.name: (spec, plugin) for plugin in embedders for spec in plugin.aigc_embedders()}
    spec, plugin = specs[recipe["component"]]
    component = _import(recipe.get("class", spec.trainable))  # a class of the recipe's own begins elsewhere
    return {
        "name": name,
        "folder": Path(plugin.__file__).parent / "models" / name,
        "data": import_module(recipe.get("data", "mnist")),
        "judge": recipe.get("judge"),
        "held_out": recipe.get("held_out", 0),
        "embedder": recipe.get("embedder"),
        "component": component,
        "vectors": recipe.get("vectors"),
        **({"class": recipe["class"]} if "class" in recipe else {}),
        "spec": spec,
        "config": component.Config(**recipe.get("config", {})),
        "training": TrainingOptions(**recipe.get("training", {})),
        "card": recipe["card"],
        "licence": recipe.get("licence", "Apache-2.0"),
    }


def subjects(recipe: Mapping[str, Any], count: int) -> tuple[list[Any], list[Any]]:
    """Return what samples of a model that is told vectors are of, from all over its data, and those vectors."""
    pairs, embedder = recipe["data"].load("train"), embedder_of(recipe)
    assert embedder is not None
    places = [place * len(pairs) // count for place in range(count)]
    if is_text(recipe):
        return [pairs.captions[place] for place in places], list(embedder.embed(pairs.pixels[pairs.picture_of[places]]))
    captions = [pairs.captions[place] for place in places]
    return captions, list(embedder.embed(captions))


def sample(folder: Path, recipe: Mapping[str, Any], count: int) -> tuple[list[Any], list[int | None]]:
    """Make `count` pictures or texts with the model in `folder`, its labels in turn, as the pipeline would call it."""
    model = open_folder(folder)
    generator = _import(recipe["spec"].factory)(model)
    options = _import(recipe["spec"].options)()
    made: list[Any] = []
    labels = [index % len(model.labels) if model.labels else None for index in range(count + MICRO_BATCH)]
    conditions = [Condition(index=label) for label in labels]
    if recipe["vectors"]:
        conditions = [Condition("vector", vector) for vector in subjects(recipe, len(labels))[1]]
    for start in range(0, count, MICRO_BATCH):
        items = [
            Item(None, {}, conditions[place], options, Noise(SEED + place, "generate/0"))
            for place in range(start, start + MICRO_BATCH)
        ]
        finals = [each for each in generator.generate(items) if isinstance(each, Final)]
        made += [final.content for final in sorted(finals, key=lambda final: final.index)]
    return made[:count], labels[:count]


def is_text(recipe: Mapping[str, Any]) -> bool:
    """Whether the recipe's component makes texts."""
    return getattr(recipe["spec"], "modality", "image") == "text"


def data_for(recipe: Mapping[str, Any]) -> tuple[Pictures, Pictures | None]:
    """Return the pictures to learn from, and the last ones, held out to choose by, where the recipe says how many."""
    pictures = recipe["data"].load("train")
    if not recipe["held_out"]:
        return pictures, None
    kept = len(pictures) - recipe["held_out"]
    learnt, held_out = (
        Pictures(pictures.pixels[part], pictures.labels[part], pictures.label_names)
        for part in (slice(kept), slice(kept, None))
    )
    return learnt, held_out


def embedder_of(recipe: Mapping[str, Any]) -> ReadyEmbedder | None:
    """Return the bundled embedder whose vectors the model is told, or None."""
    return Pipeline().embedders.open(recipe["vectors"]) if recipe["vectors"] else None


def told(recipe: Mapping[str, Any]) -> Required | None:
    """Return what the model's manifest says of that embedder."""
    embedder = embedder_of(recipe)
    if embedder is None or embedder.model is None:
        return None
    of = "image" if is_text(recipe) else "text"
    return Required(model=embedder.model.name, sha256=embedder.model.sha256, space_id=embedder.space_id, of=of)


def examples_for(recipe: Mapping[str, Any]) -> Examples:
    """Return what is learnt from: pictures as they are, texts as the component wants them.

    Of pictures with captions, the one is told vectors of the other.
    """
    embedder = embedder_of(recipe)
    if embedder is not None and not is_text(recipe):
        return ConditionedPictures(recipe["data"].load("train"), embedder.embed)
    if is_text(recipe):
        data = recipe["data"]
        texts = data.learnt(embedder.embed) if embedder else data.load("train")
        examples: Examples = recipe["component"].examples(recipe["config"], texts)
        return examples
    if not isinstance(found := recipe["data"].load("train"), Pictures):
        pairs: Examples = recipe["component"].examples(recipe["config"], found)
        return pairs
    return data_for(recipe)[0]


def accuracy(folder: Path, recipe: Mapping[str, Any], digits: Pictures) -> float:
    """Return the share of `digits` that the classifier in `folder` reads as they are labelled."""
    classifier = _import(recipe["spec"].factory)(open_folder(folder), None)
    return round(float((classifier.probabilities(digits.pixels).argmax(axis=1) == digits.labels).mean()), 4)


def likelihood(folder: Path, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return how well the language model in `folder` foretells texts that it was not trained on."""
    texts = recipe["data"].load("validation").texts
    texts = texts[:: max(1, len(texts) // HELD_OUT)]  # from all over the data, which is in the order of its source
    model = _import(recipe["spec"].factory)(open_folder(folder))
    bound, _ = model.log_likelihood(texts, Noise(SEED, "likelihood"), 1)
    nats, tokens = -float(bound.double().sum()), sum(model.token_counts(texts))
    return {
        "split": "validation",
        "n": len(texts),
        "tokens": tokens,
        "nats_per_token": round(nats / tokens, 4),
        "bits_per_byte": round(nats / math.log(2) / sum(len(text.encode()) for text in texts), 4),
    }


def write(recipe: Mapping[str, Any], trained: Trained, examples: Examples) -> Path:
    """Write the model folder twice: to look at what it does, then with that."""
    described, spec = examples.described, recipe["spec"]
    component = recipe["component"](recipe["config"], described)
    folder = recipe["folder"]
    embeds = isinstance(spec, EmbedderSpec)
    parts: dict[str, Any] = {
        "name": recipe["name"],
        "component": spec.name,
        "modality": "text" if is_text(recipe) else "image",
        "options": trained.options,
        "shape": described.shape,
        "labels": described.labels if embeds or "label" in spec.conditions else (),
        "files": {**described.files, **(component.files() if isinstance(component, HasFiles) else {})},
        "vector": described.vector,
        "required": told(recipe),
        "prompt": "none" if embeds else "optional" if recipe["vectors"] else spec.prompt,
        "tensors": recipe["component"].packed(trained.tensors) if "class" in recipe else trained.tensors,
        "micro_batch": MICRO_BATCH,
        "licence": recipe["licence"],
        "card": recipe["card"],
        "save_dtype": "float16",
    }
    save_model(folder, **parts)
    metrics: dict[str, Any] = {"embedder": recipe["embedder"]} if recipe["embedder"] else {}
    metrics |= {
        "steps": trained.steps,
        "minutes": round(trained.seconds / 60, 1),
        "last_logs": {name: round(value, 4) for name, value in trained.history[-1].items() if name != "step"},
    }
    if "class" in recipe:
        embedder = _import(spec.factory)(open_folder(folder))
        metrics["recall"] = {part: recipe["data"].recall(embedder, part) for part in ("validation", "test")}
        return save_model(folder, **parts, metrics=metrics)
    if embeds:
        metrics["accuracy"] = {
            "validation": accuracy(folder, recipe, data_for(recipe)[1]),
            "test": accuracy(folder, recipe, recipe["data"].load("t10k")),
        }
        return save_model(folder, **parts, metrics=metrics)
    if is_text(recipe):
        if not recipe["vectors"]:
            metrics["held_out"] = likelihood(folder, recipe)
        texts, _ = sample(folder, recipe, SHOWN)
        return save_model(folder, **parts, samples="\n".join(texts) + "\n", metrics=metrics)
    pictures, labels = sample(folder, recipe, JUDGED)
    if recipe["judge"]:
        metrics["samples"] = import_module(recipe["judge"]).look_at(pictures, labels)
    return save_model(folder, **parts, samples=sheet(pictures, labels), metrics=metrics)


def sheet(pictures: Sequence[Image], labels: Sequence[int | None]) -> Image:
    """Lay a hundred samples out, or a few more so that each label has a whole row; in 256 colours, which will do."""
    kinds = len(set(labels))
    columns = math.ceil(SHOWN / kinds) if kinds > 1 else math.isqrt(SHOWN)
    shown = sorted(range(columns * kinds if kinds > 1 else SHOWN), key=lambda place: labels[place] or 0)
    laid_out = contact_sheet([pictures[place] for place in shown], columns=columns)
    return laid_out.quantize(256) if laid_out.mode == "RGB" else laid_out


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

    examples = examples_for(recipe)
    trained = train(recipe["component"], recipe["config"], examples, recipe["training"], tell)
    folder = write(recipe, trained, examples)
    note_sha256(folder)
    print(f"{folder} holds {recipe['name']}; look at what is in it")


if __name__ == "__main__":
    main()
