"""The end of a training: the model folder, with samples, numbers, card and report."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from aigc_core.contact_sheet import contact_sheet
from aigc_core.data import TextData, TextSurvey
from aigc_core.evaluation import Evaluation, evaluate
from aigc_core.models import save_model
from aigc_core.pipeline.order import INPUT
from aigc_core.provenance import environment
from aigc_core.specs import GeneratorSpec
from aigc_core.training.contract import Alarm, HasFiles
from aigc_core.training.loop.data import Pictures
from aigc_core.training.making import make
from aigc_core.training.resume import RUN, write_run
from aigc_core.training.telling.card import CardFacts, card
from aigc_core.training.telling.report import write_report
from aigc_core.training.tracking import ALARMS, METRICS, read_lines
from aigc_core.training.watching.film import film
from aigc_core.training.watching.text_samples import RULE

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from aigc_core.content import JSON
    from aigc_core.pipeline import Pipeline
    from aigc_core.training.learnt import Learnt
    from aigc_core.training.loop import Training
    from aigc_core.training.plan import TrainPlan
    from aigc_core.training.watching.watch import Watch

#: What the numbers of the card are measured on. ``aigc evaluate`` takes more, and anybody can.
MEASURED, MEASURED_TEXTS = 1000, 200
SHOWN, SHOWN_TEXTS = 64, 16
MICRO_BATCH = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to.

    Attributes:
        plan: what was to be trained, learnt: from what.
        training: that has finished; its networks hold the averaged weights.
        tensors: of the model.
        seconds: that the steps took.
        stopped: why it ended before its last step, or None.
        run: ``run.json``.
    """

    plan: TrainPlan
    learnt: Learnt
    training: Training
    tensors: Mapping[str, Tensor]
    seconds: float
    stopped: str | None
    run: Mapping[str, Any]

    @property
    def labels(self) -> tuple[str, ...]:
        """What the model can be asked for, or tell apart: nothing where the component takes no label."""
        takes = "label" in getattr(self.plan.spec, "conditions", ("label",))
        return self.training.data.described.labels if takes else ()


def finish(outcome: Outcome, watch: Watch, pipeline: Pipeline) -> str:
    """Write the model folder, ``aigc.json`` last, and return the command that uses the model."""
    plan, folder = outcome.plan, outcome.plan.run_folder
    watch.last(folder)
    if plan.spec.modality == "image":
        film(folder / "samples", folder / "film.gif")
    draft = folder / "model"  # whole, but not under its name: it must make its own samples first
    _save(outcome, draft, "", None, None)
    samples, evaluation = None, None
    if isinstance(plan.spec, GeneratorSpec):
        samples = _samples(outcome, draft, pipeline)
        evaluation = _measured(outcome, draft, pipeline)
    run = {
        **outcome.run,
        "finished": {
            "steps": outcome.training.step,
            "seconds": round(outcome.seconds, 1),
            "stopped": outcome.stopped,
        },
    }
    write_run(folder / RUN, run)
    numbers = [measurement.model_dump(mode="json") for measurement in evaluation.measurements] if evaluation else []
    metrics = {"evaluation": numbers} if numbers else None
    _save(outcome, plan.folder, card(_facts(outcome, numbers)), samples, metrics)
    shutil.rmtree(draft)
    write_report(plan.folder)
    return _use(plan)


def _save(
    outcome: Outcome, folder: Path, text: str, samples: Image | str | None, metrics: Mapping[str, JSON] | None
) -> None:
    plan, described, component = outcome.plan, outcome.training.data.described, outcome.training.component
    save_model(
        folder,
        name=plan.name,
        component=plan.order.component,
        modality=plan.spec.modality,
        options=plan.config.model_dump(mode="json"),
        shape=described.shape,
        tensors=outcome.tensors,
        labels=outcome.labels,
        vector=described.vector,
        required=plan.vectors.required() if plan.vectors else None,
        files={**described.files, **(component.files() if isinstance(component, HasFiles) else {})},
        prompt=_prompt(outcome),
        micro_batch=getattr(component, "micro_batch", MICRO_BATCH),
        licence=plan.order.licence or "unknown",
        card=text,
        samples=samples,
        metrics=metrics,
    )


def _prompt(outcome: Outcome) -> Literal["none", "optional", "required"]:
    """Say whether the model takes a prompt: one that transforms texts cannot do without."""
    if isinstance(outcome.learnt.real, TextData) and outcome.learnt.real.sources is not None:
        return "required"
    if outcome.plan.vectors and outcome.plan.vectors.of == "text":
        return "optional"  # a picture in its place will do
    prompt: Any = getattr(outcome.plan.spec, "prompt", "none")
    return cast(Literal["none", "optional", "required"], prompt)


def _samples(outcome: Outcome, model: Path, pipeline: Pipeline) -> Image | str | None:
    """Make samples the way anybody would: seeds in a row, moderated; pictures on a sheet, texts below each other."""
    real, modality = outcome.learnt.real, outcome.plan.spec.modality
    if isinstance(real, TextData):
        sources = real.sources or (None,)
        given: list[Any] = [{INPUT: picture} for picture in outcome.learnt.seen]
        given = given or [sources[place % len(sources)] for place in range(SHOWN_TEXTS if real.sources else 1)]
        count = 1 if real.sources or outcome.learnt.seen else SHOWN_TEXTS
        made = [
            str(artifact.content)
            for place, one in enumerate(given)
            for artifact in make(pipeline, modality, model, count, place, one)
        ]
        return RULE.join(made) + "\n" if made else None
    captions = real.captions if outcome.plan.vectors else None
    pictures: list[Any] = [
        artifact.content
        for place, caption in enumerate(_spread(captions, SHOWN) if captions else [None])
        for artifact in make(pipeline, modality, model, 1 if captions else SHOWN, place, caption)
    ]
    return contact_sheet(pictures, columns=8) if pictures else None


def _spread(captions: Sequence[str], count: int) -> list[str]:
    """Return captions from all over the data."""
    return [captions[place * len(captions) // count] for place in range(count)]


def _measured(outcome: Outcome, model: Path, pipeline: Pipeline) -> Evaluation | None:
    """Hold samples against what was kept apart; where nothing was, against nothing.

    A model that makes something of something is not measured on what it learnt from.
    """
    learnt = outcome.learnt
    transforms = outcome.plan.vectors or (isinstance(learnt.real, TextData) and learnt.real.sources is not None)
    if transforms and learnt.kept_apart is None:
        return None
    data: Any = {"train": learnt.real, "validation": learnt.kept_apart} if learnt.kept_apart else None
    # A component whose samples take long says how many are enough.
    usual = MEASURED if isinstance(learnt.real, Pictures) else MEASURED_TEXTS
    n = getattr(outcome.training.component, "measured", usual)
    return evaluate(str(model), data, n=n, split="validation", pipeline=pipeline)


def _facts(outcome: Outcome, metrics: Sequence[Mapping[str, Any]]) -> CardFacts:
    plan, learnt, folder = outcome.plan, outcome.learnt, outcome.plan.run_folder
    alarms = [Alarm(row["name"], row["message"], row["advice"]) for row in read_lines(folder / ALARMS)]
    rows = [row["logs"] for row in read_lines(folder / METRICS) if "samples/near_copies" in row["logs"]]
    machine = environment()
    described = outcome.training.data.described
    return CardFacts(
        name=plan.name,
        component=plan.order.component,
        summary=plan.spec.summary,
        data=learnt.name,
        examples=len(learnt.real),
        modality=plan.spec.modality,
        characters=learnt.survey.characters if isinstance(learnt.survey, TextSurvey) else 0,
        counts=learnt.survey.labels,
        labels=outcome.labels,
        shape=described.shape,
        licence=plan.order.licence,
        survey=(*learnt.lines[1:], *learnt.survey.warnings),
        command=outcome.run["command"],
        seed=plan.options.seed,
        config=outcome.run["config"],
        training=outcome.run["training"],
        steps=outcome.training.step,
        seconds=outcome.seconds,
        machine=f"{os.cpu_count()} cores, {machine['machine']}, {machine['simd']}",
        versions={key: value for key, value in outcome.run["versions"].items() if key not in ("cpu", "simd")},
        metrics=metrics,
        alarms=alarms,
        near_copies=rows[-1]["samples/near_copies"] if rows else None,
        base=plan.base.name if plan.base else None,
        use="" if isinstance(plan.spec, GeneratorSpec) else _use(plan),
        samples=isinstance(plan.spec, GeneratorSpec),
    )


def _use(plan: TrainPlan) -> str:
    """Return the command that generates with the model, or says what it is good for."""
    if not isinstance(plan.spec, GeneratorSpec):
        if plan.spec.also:
            return f"aigc search QUERY --in FOLDER -m {shlex.quote(plan.address)}"
        return f"aigc evaluate MODEL --embedder {plan.name} --data DATA"
    if plan.vectors:
        of = '"…"' if plan.vectors.of == "text" else "--input PICTURE"
        return f"aigc generate --modality {plan.spec.modality} -m {shlex.quote(plan.address)} {of}"
    if plan.spec.modality == "text":
        return f"aigc generate --modality text -m {shlex.quote(plan.address)} -n 4"
    return f"aigc generate --modality {plan.spec.modality} -m {shlex.quote(plan.address)} -n 16 --grid"
