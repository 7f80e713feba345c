"""Measuring an embedder of pictures and texts by pairs that belong together: it makes nothing, it has to find."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_core.data import CaptionedPictures, read_parts
from aigc_core.errors import AigcError, PluginError, UsageError
from aigc_core.evaluation.records import Evaluation, LeftOut, Measurement, Range, Source, Subject
from aigc_core.evaluation.reference import SPLITS, Data, digest
from aigc_core.provenance import environment
from aigc_core.randomness import Noise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from aigc_core.evaluation.measuring import ReadyMetric
    from aigc_core.models import Model
    from aigc_core.pipeline import Pipeline
    from aigc_core.pipeline.embedders import ReadyEmbedder

PAIRS = "pairs"


@dataclass
class Paired:
    """Pictures and captions as an embedder sees them: the contract's PairEvidence."""

    embedder: ReadyEmbedder
    pairs: CaptionedPictures
    split: str
    seed: int
    resamples: int

    @cached_property
    def pictures(self) -> NDArray[np.float32]:
        """Vectors of length 1 of the pictures, ``(P, D)``."""
        return _unit(self.embedder.embed(self.pairs.pixels))

    @cached_property
    def _captions(self) -> tuple[list[str], NDArray[np.int64]]:
        return self.pairs.distinct_captions()

    @cached_property
    def captions(self) -> NDArray[np.float32]:
        """Vectors of length 1 of the captions, each once, ``(C, D)``."""
        return _unit(self.embedder.embed(self._captions[0]))

    @property
    def picture_of(self) -> NDArray[np.int64]:
        """The picture of each pair, ``(N,)``."""
        return self.pairs.picture_of

    @property
    def caption_of(self) -> NDArray[np.int64]:
        """The caption of each pair, ``(N,)``."""
        return self._captions[1]

    @cached_property
    def source(self) -> Source:
        """Where the pairs are from."""
        both = digest(self.pairs.pixels) + digest(list(self.pairs.captions))
        return Source(split=self.split, n=len(self.pairs), sha256=digest([both]))

    def noise(self, name: str) -> Noise:
        """Return a stream that depends on the evaluation's seed and `name` alone."""
        return Noise(self.seed, f"evaluate/{name}")


def evaluate_pairs(
    pipeline: Pipeline,
    model: Model,
    data: Data | None,
    wanted: Sequence[ReadyMetric],
    *,
    split: str,
    seed: int,
    resamples: int,
) -> Evaluation:
    """Measure an embedder by how the pictures and captions of `data` lie in its space.

    Raises:
        UsageError: there is no data with captions, the embedder looks at one modality only, or no metric fits.
        PluginError: a metric or the embedder failed.
    """
    name = str(model.folder) if model.spec is None else model.name
    embedder = pipeline.embedders.open(name)
    if not {"image", "text"} <= set(embedder.modalities):
        raise UsageError(
            f"{model.name} makes nothing: it looks at {' and '.join(embedder.modalities)}",
            hint=f"see others through it: aigc evaluate MODEL --embedder {model.name}",
        )
    evidence = Paired(embedder, _read(model, data, split), split, seed, resamples)
    measurements: list[Measurement] = []
    left_out: list[LeftOut] = []
    for metric in wanted:
        try:
            measurements += _stamped(metric, evidence, model)
        except PluginError:
            raise
        except AigcError as error:
            left_out.append(LeftOut(metric=metric.entry.spec.name, reason=error.message))
    if not measurements:
        why = f"{left_out[0].metric} cannot be worked out: {left_out[0].reason}" if left_out else "no metric fits"
        raise UsageError(why)
    return Evaluation(
        model=Subject(name=model.name, sha256=model.sha256),
        modality=model.manifest.modality,
        measurements=tuple(measurements),
        left_out=tuple(left_out),
        environment=dict(environment()),
    )


def _read(model: Model, data: Data | None, split: str) -> CaptionedPictures:
    if data is None:
        raise UsageError(
            f"{model.name} is measured by pictures with captions, and there are none",
            hint="give a table with columns file_name and caption: --data pairs.csv",
        )
    if isinstance(data, (str, Path)):
        channels, height, width = model.shape
        found = read_parts(Path(data), SPLITS, size=(height, width), channels=channels).get(split)
        if found is None:
            raise UsageError(f"the data has no {split} part", hint=f"--split: {', '.join(SPLITS)}")
        return CaptionedPictures.of(found)
    part = data.get(split)
    if not isinstance(part, CaptionedPictures):
        raise UsageError(f"the {split} part is no CaptionedPictures", hint="give {split: CaptionedPictures(…)}")
    return part


def _stamped(metric: ReadyMetric, evidence: Paired, model: Model) -> Iterator[Measurement]:
    spec, plugin = metric.entry.spec, metric.entry.plugin
    for measured in metric.measure(evidence):
        interval = measured.interval
        yield Measurement(
            name=measured.name,
            model=Subject(name=model.name, sha256=model.sha256),
            value=float(measured.value),
            interval=Range(low=interval.low, high=interval.high, method=interval.method) if interval else None,
            better=measured.better,
            n=measured.n,
            seed=evidence.seed,
            metric=spec.name,
            version=f"{plugin.name} {plugin.version}, {spec.version}",
            options=metric.given,
            reference=evidence.source,
            details=dict(measured.details),
        )


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12), np.float32)
