"""Numbers with all that they depend on, so that two of them are compared only where that is meant alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from aigc_core.content import JSON
from aigc_core.evaluation.contract import Better


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Range(_Record):
    """A 95 % interval and how it was found."""

    low: float
    high: float
    method: str


class Source(_Record):
    """Real examples: which part of which data, how many, and the sha256 of their content."""

    split: str
    n: int
    sha256: str


class Eye(_Record):
    """An embedder: its name with its options, and what changes whenever its vectors would."""

    name: str
    space_id: str


class Floor(_Record):
    """The same number between real and real examples."""

    value: float
    n: int
    source: Source


class Subject(_Record):
    """The model that a number is about, and the options it was sampled with where they were not the default."""

    name: str
    sha256: str = Field(description="of its aigc.json, which holds those of its weights; empty: it has none")
    options: dict[str, JSON] = {}

    def __str__(self) -> str:
        options = ", ".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name} ({options})" if options else self.name


class Measurement(_Record):
    """One number about one model.

    Everything but the model, ``value``, ``interval``, ``floor`` and ``details`` is a setting: two numbers are
    comparable where all settings agree.
    """

    name: str = Field(description="e.g. FD(digits-cnn)")
    model: Subject
    value: float
    interval: Range | None = None
    better: Better | None = Field(None, description="which of two is better: lower, higher, or neither")
    n: int
    seed: int
    metric: str = Field(description="which metric made it")
    version: str = Field(description="of the metric, and of its plugin")
    options: dict[str, JSON] = {}
    reference: Source | None = None
    training: Source | None = None
    extractor: Eye | None = None
    floor: Floor | None = None
    details: dict[str, JSON] = {}

    def settings(self) -> dict[str, JSON]:
        """Return everything that must be equal for two numbers of one name to be comparable."""
        described = self.model_dump(mode="json")
        for outcome in ("name", "model", "value", "interval", "better", "floor", "details"):
            del described[outcome]
        return described


class LeftOut(_Record):
    """A metric that was not worked out, and why."""

    metric: str
    reason: str


class Evaluation(_Record):
    """All numbers of one evaluation of one model: what ``aigc evaluate --json`` prints."""

    format: Literal[1] = 1
    model: Subject
    modality: str
    samples_sha256: str | None = Field(None, description="of the content that the model made")
    measurements: tuple[Measurement, ...]
    left_out: tuple[LeftOut, ...] = ()
    embedders: dict[str, str] = Field({}, description="what was looked through, and why that")
    environment: dict[str, str] = {}

    def __getitem__(self, name: str) -> Measurement:
        """Return the measurement called `name`, e.g. ``"FD(digits-cnn)"``. Raises KeyError."""
        for measurement in self.measurements:
            if measurement.name == name:
                return measurement
        raise KeyError(name)


def differing(measurements: Iterable[Measurement]) -> dict[str, list[JSON]]:
    """Return the settings in which measurements differ, with the value of each: empty where they are comparable.

    Nested settings are named with dots: ``reference.sha256``.
    """
    flat = [dict(_flat(measurement.settings())) for measurement in measurements]
    names = dict.fromkeys(name for settings in flat for name in settings)
    columns = {name: [settings.get(name) for settings in flat] for name in names}
    return {name: values for name, values in columns.items() if any(value != values[0] for value in values)}


def _flat(settings: Mapping[str, JSON], prefix: str = "") -> Iterable[tuple[str, JSON]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
