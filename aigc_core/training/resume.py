"""Going on with an interrupted training: what it was asked for stands in ``run.json``, and must still be asked for."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import get_num_threads as threads

from aigc_core.content import JSON
from aigc_core.errors import FileError, UsageError
from aigc_core.provenance import environment, store
from aigc_core.training.plan import TrainOrder, TrainPlan, TrainPlanner

if TYPE_CHECKING:
    from aigc_core.data import Survey, TextSurvey
    from aigc_core.training.learnt import Learnt
    from aigc_core.training.loop import Training
    from aigc_core.training.pacing import Pacing

RUN = "run.json"

#: What a training depends on. The rest of an order (where it goes, what it tells whom) may change in between.
DECIDING = (
    "component",
    "preset",
    "options",
    "pre",
    "steps",
    "minutes",
    "seed",
    "size",
    "base",
    "freeze",
    "rehearse",
    "condition",
)


def plan_training(order: TrainOrder, planner: TrainPlanner) -> TrainPlan:
    """Plan a new training, or the rest of one.

    Raises:
        UsageError: one of that name is there and is not to be resumed; or it is, and was asked for something else.
    """
    plan = planner.plan(order)
    path = plan.run_folder / RUN
    if not order.resume:
        if path.exists():
            raise UsageError(
                f"{plan.folder} holds a training that was interrupted",
                hint="go on with it: --resume; or choose another name: --out NAME",
            )
        if order.seed is None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise UsageError("several processes need one seed", hint="give it: --seed 7")
        return plan
    if not path.exists():
        raise UsageError(
            f"there is no training to resume in {plan.folder}", hint="leave --resume out, or name it: --out"
        )
    return planner.plan(_as_before(order, read_run(path)["asked"]))


def asked(plan: TrainPlan) -> dict[str, JSON]:
    """Return what the order says of that which the training depends on, the seed drawn."""
    return {key: _plain(getattr(plan.order, key)) for key in DECIDING} | {"seed": plan.options.seed}


def read_run(path: Path) -> dict[str, Any]:
    """Read ``run.json``. Raises FileError where it is none."""
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        if run["format"] != 1:
            raise ValueError(f"its format is {run['format']}, and only 1 is known here")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"{path} cannot be read: {error}", hint="start again under another name: --out NAME") from error
    return run  # type: ignore[no-any-return]


def write_run(path: Path, run: Mapping[str, JSON]) -> None:
    """Write ``run.json``, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    store(path, json.dumps({"format": 1, **run}, ensure_ascii=False, indent=2).encode() + b"\n")


def describe(plan: TrainPlan, training: Training, learnt: Learnt, pacing: Pacing) -> dict[str, JSON]:
    """Return what ``run.json`` says of a training that begins."""
    return {
        "name": plan.name,
        "component": plan.order.component,
        "modality": plan.spec.modality,
        "plugin": plan.entry.plugin.name,
        "data": learnt.name,
        "licence": plan.order.licence,
        # No part of the model: only here does it stand where a checkpoint from elsewhere lay when this began.
        "checkpoint": str(plan.base.folder.resolve()) if plan.base and plan.base.adopted else None,
        "command": command(plan),
        "asked": asked(plan),
        "training": training.options.model_dump(mode="json"),
        "steps": training.options.steps,
        "looks": {"sheet": pacing.sheet, "checkpoint": pacing.checkpoint},
        "estimate": dict(pacing.estimate.as_json(pacing.steps)),
        "threads": training.options.threads or threads(),
        "versions": {**environment(), plan.entry.plugin.source: plan.entry.plugin.version},
        **_decided(plan, training, learnt),
    }


def _decided(plan: TrainPlan, training: Training, learnt: Learnt) -> dict[str, JSON]:
    """What an interrupted training must find again, besides what was asked."""
    return {
        "config": plan.config.model_dump(mode="json"),
        "fingerprint": learnt.survey.fingerprint,
        "base": plan.base.sha256 if plan.base else None,
        "vectors": plan.vectors.required().model_dump(mode="json") if plan.vectors else None,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in training.data.described.files.items()},
        "precision": training.workers.precision,
        "processes": training.workers.count,
    }


def hold_against(run: Mapping[str, Any], plan: TrainPlan, training: Training, learnt: Learnt) -> list[str]:
    """Make sure that this goes on with the training of `run`, and return what may change its bits.

    The steps that were settled, and the threads, become the training's again.

    Raises:
        UsageError: the data, or what it starts from or runs on, is another; the message says what.
    """
    now = _decided(plan, training, learnt)
    if differing := [key for key in now if now[key] != run.get(key, now[key])]:
        words = {"fingerprint": "the data"}
        raise UsageError(
            "this is not the training that was interrupted: "
            + "; ".join(f"{words.get(key, key)} was {_spelt(run[key])} and is {_spelt(now[key])}" for key in differing),
            hint="give the same as before, or start another training: --out NAME",
        )
    training.options = training.options.model_copy(update={"steps": run["steps"], "threads": run["threads"]})
    versions = {**environment(), plan.entry.plugin.source: plan.entry.plugin.version}
    changed = [
        f"{key} was {run['versions'].get(key)} and is {now}"
        for key, now in versions.items()
        if now != run["versions"].get(key)
    ]
    return [f"going on, though not bit for bit as it would have: {'; '.join(changed)}"] if changed else []


def command(plan: TrainPlan) -> str:
    """Return the command that starts this training where its data is; it goes into cards, so it holds no path."""
    order = plan.order
    words = ["aigc", "train", order.component, Path(order.data).resolve().name, "--out", plan.name]
    if order.base:
        words += ["--from", order.base]
    elif order.preset:
        words += ["--preset", order.preset]
    kept = plan.config.model_dump(mode="json")
    for name, value in order.options.items():
        if isinstance(value, str) and kept.get(name) == Path(value).name:
            value = kept[name]  # the config leaves out where something lay
        words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"]
    for name in ("minutes", "steps", "size", "rehearse", "condition", "licence"):
        if (value := getattr(order, name)) is not None:
            words += [
                f"--{name.replace('licence', 'license')}",
                f"{value:g}" if isinstance(value, float) else str(value),
            ]
    for step in order.pre:
        words += ["--pre", step if isinstance(step, str) else step[0]]
    for pattern in order.freeze:
        words += ["--freeze", pattern]
    return shlex.join([*words, "--seed", str(plan.options.seed)])


def write_survey(folder: Path, survey: Survey | TextSurvey) -> None:
    """Write ``survey.json``."""
    store(folder / "survey.json", json.dumps(survey.document(), ensure_ascii=False, indent=1).encode() + b"\n")


def _as_before(order: TrainOrder, before: Mapping[str, Any]) -> TrainOrder:
    """Return the order as it was before, if it says nothing else now; what is left out counts as said."""
    unsaid = TrainOrder(order.component, order.data)
    differing = []
    for key in DECIDING:
        now = _plain(getattr(order, key))
        if now != before.get(key, now) and (key == "component" or now != _plain(getattr(unsaid, key))):
            differing.append(f"{key} was {_spelt(before[key])} and is {_spelt(now)}")
    if differing:
        raise UsageError(
            f"this is not the training that was interrupted: {'; '.join(differing)}",
            hint="say the same as before, or start another one: --out NAME",
        )
    restored: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in before.items()
    }
    return replace(order, **restored)


def _plain(value: Any) -> JSON:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _spelt(value: JSON) -> str:
    return "not set" if value in (None, [], {}) else json.dumps(value, ensure_ascii=False)
