"""Models side by side: numbers made with the same settings are ranked, others are not, and it is said why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aigc_core.content import JSON, Content
from aigc_core.errors import UsageError
from aigc_core.evaluation.measuring import SAMPLES, evaluate
from aigc_core.evaluation.records import Measurement, differing
from aigc_core.evaluation.reference import Data
from aigc_core.evaluation.samples import OnSample
from aigc_core.evaluation.store import read_evaluation, stored_measurements
from aigc_core.pipeline import Pipeline


@dataclass(frozen=True)
class Row:
    """One number of all models.

    Attributes:
        name: e.g. ``"FD(digits-cnn)"``.
        measurements: of each model in order; None where it has none.
        differing: settings that are not the same for all who have the number, and their values; empty: comparable.
    """

    name: str
    measurements: tuple[Measurement | None, ...]
    differing: dict[str, list[JSON]]

    @property
    def comparable(self) -> bool:
        """Whether at least two models have the number, made with the same settings."""
        return not self.differing and sum(each is not None for each in self.measurements) > 1

    @property
    def leaders(self) -> tuple[int, ...]:
        """Places of the best models: one, or several that their intervals do not tell apart.

        Empty where neither lower nor higher is better, or where the numbers are not comparable.
        """
        there = {place: each for place, each in enumerate(self.measurements) if each is not None}
        better = next(iter(there.values())).better if there else None
        if not self.comparable or better is None:
            return ()
        sign = 1 if better == "lower" else -1
        first = min(there, key=lambda place: sign * there[place].value)
        return tuple(place for place, each in there.items() if place == first or _overlap(each, there[first]))


def _overlap(one: Measurement, other: Measurement) -> bool:
    if one.interval is None or other.interval is None:
        return one.value == other.value
    return one.interval.low <= other.interval.high and other.interval.low <= one.interval.high


@dataclass(frozen=True)
class Comparison:
    """Models side by side.

    Attributes:
        models: what was asked for, in order.
        rows: one for each number that any of them has.
        samples: what each makes of the same seeds; a place is None where moderation did not allow it.
        seed: of the first sample.
    """

    models: tuple[str, ...]
    rows: tuple[Row, ...]
    samples: tuple[tuple[Content | None, ...], ...]
    seed: int

    @property
    def comparable(self) -> bool:
        """Whether anything can be ranked."""
        return any(row.comparable for row in self.rows)

    def as_json(self) -> dict[str, JSON]:
        """Return the numbers as JSON: what ``aigc compare --json`` prints."""
        rows: list[JSON] = [
            {
                "name": row.name,
                "comparable": row.comparable,
                "differing": dict(row.differing),
                "leaders": [self.models[place] for place in row.leaders],
                "measurements": [each.model_dump(mode="json") if each else None for each in row.measurements],
            }
            for row in self.rows
        ]
        return {"models": list(self.models), "rows": rows}


def compare(
    models: Sequence[str],
    data: Data | None = None,
    *,
    n: int | None = None,
    seed: int = 0,
    split: str = "test",
    metrics: Sequence[str] = (),
    embedders: Sequence[str] = (),
    samples: int = 36,
    pipeline: Pipeline | None = None,
    on_sample: OnSample | None = None,
) -> Comparison:
    """Put models side by side: by the numbers they have, or, with `data` or `n`, by numbers made now, all alike.

    Args:
        models: names or folders of models; or files that ``aigc evaluate --out`` wrote, which show no samples.
        samples: how many each model makes to be looked at; they pass moderation like everything that is shown.

    The other arguments are those of `evaluate`. Without `embedders`, all are looked at through that of the first.

    Raises:
        UsageError: fewer than two models, one named twice, or none has any numbers.
    """
    pipeline = pipeline or Pipeline()
    if len(models) < 2 or len(set(models)) < len(models):
        raise UsageError(
            "a comparison needs two different models", hint="for example: aigc compare digits-gan digits-vae"
        )
    anew = data is not None or n is not None
    found: list[list[Measurement]] = []
    for model in models:
        if not anew:
            found.append(_stored(pipeline, model))
            continue
        evaluation = evaluate(
            model,
            data,
            n=n or SAMPLES,
            seed=seed,
            split=split,
            metrics=metrics,
            embedders=embedders,
            pipeline=pipeline,
            on_sample=on_sample,
        )
        embedders = embedders or tuple(evaluation.embedders)
        found.append(list(evaluation.measurements))
    if not any(found):
        raise UsageError(
            f"none of {', '.join(models)} has any numbers", hint="measure them now: aigc compare … --data DATA"
        )
    shown = tuple(_shown(pipeline, model, samples, seed) for model in models)
    return Comparison(tuple(models), tuple(side_by_side(found)), shown, seed)


def _stored(pipeline: Pipeline, model: str) -> list[Measurement]:
    if (path := Path(model)).suffix == ".json":
        return list(read_evaluation(path).measurements)
    there = pipeline.planner.models.find(model)
    return [each for each in stored_measurements(there.folder) if each.model.sha256 == there.sha256]


def side_by_side(found: Sequence[Iterable[Measurement]]) -> list[Row]:
    """Return a row for each number that any model has.

    A model may have one number with several settings; those are taken that most models have, the newest first.
    """
    columns = [list(measurements) for measurements in found]
    names = dict.fromkeys(each.name for column in columns for each in column)
    rows = []
    for name in names:
        of_each = [{_settings(each): each for each in column if each.name == name} for column in columns]
        every = [settings for measured in of_each for settings in reversed(measured)]
        common = max(every, key=every.count)
        chosen = [_pick(measured, common) for measured in of_each]
        there = [each for each in chosen if each is not None]
        rows.append(Row(name, tuple(chosen), differing(there)))
    return rows


def _settings(measurement: Measurement) -> str:
    return json.dumps(measurement.settings(), sort_keys=True)


def _pick(measured: dict[str, Measurement], settings: str) -> Measurement | None:
    return measured.get(settings) or next(reversed(measured.values()), None)


def _shown(pipeline: Pipeline, model: str, count: int, seed: int) -> tuple[Content | None, ...]:
    """Let a model make something to be looked at, through the pipeline."""
    if count < 1 or Path(model).suffix == ".json":
        return ()
    result = pipeline.generate(pipeline.planner.modality_of(model), n=count, seed=seed, model=model)
    made = {artifact.index: artifact.content for artifact in result.artifacts}
    return tuple(made.get(index) for index in range(count))
