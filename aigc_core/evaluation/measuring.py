"""Working out numbers about a model: which metrics, through which embedders, and what each number depends on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aigc_core.content import EMPTY, JSON
from aigc_core.errors import AigcError, PluginError, UsageError, blaming, unknown
from aigc_core.evaluation.contract import Measured
from aigc_core.evaluation.evidence import RESAMPLES, Gathered
from aigc_core.evaluation.eyes import default_embedder
from aigc_core.evaluation.pairs import PAIRS, Paired, evaluate_pairs
from aigc_core.evaluation.records import Evaluation, Floor, LeftOut, Measurement, Range, Source, Subject
from aigc_core.evaluation.reference import SPLITS, Data, Reference, digest
from aigc_core.evaluation.samples import OnSample
from aigc_core.evaluation.store import named_embedder
from aigc_core.evaluation.subjects import subjects_of
from aigc_core.pipeline import Order, Pipeline, Plan
from aigc_core.pipeline.options import parse_step, validate
from aigc_core.provenance import environment

if TYPE_CHECKING:
    from aigc_core.models import Model
    from aigc_core.registry import Registered
    from aigc_core.specs import MetricSpec

SAMPLES = 10_000
LOOKS = frozenset({"features", "probabilities"})


@dataclass(frozen=True)
class ReadyMetric:
    """A metric whose code is imported and whose options are validated."""

    entry: Registered[MetricSpec]
    call: Any
    options: Any
    given: dict[str, JSON]

    @property
    def looks(self) -> bool:
        """Whether it sees content through an embedder."""
        return bool(LOOKS & set(self.entry.spec.needs))

    def measure(self, evidence: Gathered | Paired) -> list[Measured]:
        """Work it out.

        Raises:
            UsageError, ModelError: it cannot be worked out on this evidence; the message says why.
            PluginError: the metric failed.
        """
        who = f"metric {self.entry.spec.name!r} (plugin {self.entry.plugin})"
        with blaming(who):
            found = list(self.call(evidence, self.options))
        for measured in found:
            if not isinstance(measured, Measured):
                raise PluginError(f"{who} gave a {type(measured).__name__}, not Measured")
        return found


def evaluate(
    model: str,
    data: Data | None = None,
    *,
    n: int = SAMPLES,
    seed: int = 0,
    split: str = "test",
    metrics: Sequence[str] = (),
    embedders: Sequence[str] = (),
    options: Mapping[str, JSON] = EMPTY,
    resamples: int = RESAMPLES,
    pipeline: Pipeline | None = None,
    on_sample: OnSample | None = None,
) -> Evaluation:
    """Measure a model: what it makes, and, where real examples are given, how that is to them.

    Args:
        model: a model name or folder, or a generator that needs no weights.
        data: real examples: what ``aigc train`` takes, or data sets by split (``"train"``, ``"test"``, …).
        n: how many items the model makes; item *i* has ``seed + i``, as for ``aigc generate``.
        split: the part that the model is held against; choose by ``"validation"``, report on ``"test"``.
        metrics: e.g. ``"kid subsets=50"``; default: all that can be worked out.
        embedders: e.g. ``"digits-cnn"``; default: the one that the model names, or the first that fits.
        options: of the generator.
        resamples: of the bootstrap.
        pipeline: plugins and configuration; default: as for a command started here.
        on_sample: told how many items are made, of how many.

    Raises:
        UsageError: an unknown name or wrong value.
        PluginError, ModelError, FileError: something it needs is missing or broken.
    """
    pipeline = pipeline or Pipeline()
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    modality = pipeline.planner.modality_of(model)
    if (looks := _embedder(pipeline, model)) is not None:
        wanted = ready_metrics(pipeline, metrics, modality, of_pairs=True)
        return evaluate_pairs(pipeline, looks, data, wanted, split=split, seed=seed, resamples=resamples)
    subjects = subjects_of(pipeline, model, data, split)
    prompts = subjects.prompts
    order = Order(
        modality,
        n=n if subjects.count is None else min(n, subjects.count),
        seed=seed,
        prompt=prompts[0] if prompts else None,
        model=model,
        options=options,
    )
    plan = pipeline.planner.plan(order, configured_steps=False, told=subjects.vectors is None)
    wanted = ready_metrics(pipeline, metrics, plan.order.modality)
    evidence = Gathered(pipeline, plan, split, resamples, on_sample)
    evidence.prompts, evidence.vectors = prompts, subjects.vectors
    shape: Sequence[int] = plan.model.shape if plan.model else ()
    if not plan.model and order.modality == "image":
        shape = evidence.samples.items.shape[1:]
    if data is not None:
        evidence.reference = Reference(data, order.modality, shape, evidence.labels, subjects.embed)
        if evidence.real("reference") is None:
            raise UsageError(f"the data has no {split} part", hint=f"--split: {', '.join(SPLITS)}")
    chosen = _eyes(pipeline, plan, shape, embedders) if any(metric.looks for metric in wanted) else {}
    eyes = [pipeline.embedders.open(name, order.modality) for name in chosen]
    measurements: list[Measurement] = []
    left_out: list[LeftOut] = []
    for metric in wanted:
        if metric.looks and not eyes:
            left_out.append(LeftOut(metric=metric.entry.spec.name, reason=f"there is no embedder for {modality}"))
        for seen in [evidence.through(eye) for eye in eyes] if metric.looks else [evidence]:
            try:
                reason = missing(metric, seen)
                if not reason:
                    measurements += stamped(metric, seen, metric.measure(seen))
            except PluginError:
                raise
            except AigcError as error:
                reason = error.message
            if reason:
                left_out.append(LeftOut(metric=_spelt(metric, seen), reason=reason))
    if left_out and (metrics or not measurements):
        raise UsageError(f"{left_out[0].metric} cannot be worked out: {left_out[0].reason}")
    made = "samples" in vars(evidence)
    return Evaluation(
        model=subject(plan),
        modality=order.modality,
        samples_sha256=digest(evidence.samples.items) if made else None,
        measurements=tuple(measurements),
        left_out=tuple(left_out),
        embedders=chosen,
        environment=dict(environment()),
    )


def _embedder(pipeline: Pipeline, name: str) -> Model | None:
    """Return the model of that name where it makes nothing, but looks at content."""
    if name in pipeline.registry.generators:
        return None
    model = pipeline.planner.models.find(name)
    return model if model.manifest.component in pipeline.registry.embedders else None


def ready_metrics(
    pipeline: Pipeline, given: Sequence[str], modality: str, *, of_pairs: bool = False
) -> list[ReadyMetric]:
    """Return the metrics that `given` names, or all that are worked out by default.

    Args:
        of_pairs: those of embedders, which look at pairs; or those of all else.

    Raises:
        UsageError: one is unknown, is for another modality, or has wrong options.
    """
    registry = pipeline.registry
    fitting = {name: entry for name, entry in registry.metrics.items() if of_pairs == (PAIRS in entry.spec.needs)}
    defaults = [name for name, entry in fitting.items() if entry.spec.default and _fits(entry, modality)]
    ready = []
    for name, options in map(parse_step, given or sorted(defaults)):
        entry = registry.get("metric", name)
        if name not in fitting:
            about = "embedders" if PAIRS in entry.spec.needs else "what a model makes"
            raise UsageError(f"metric {name!r} is about {about}", hint=f"these fit: {', '.join(defaults)}")
        if not _fits(entry, modality):
            raise UsageError(f"metric {name!r} is about {entry.spec.modality}, not about {modality}")
        cls = registry.resolve(entry.spec.options, entry) if entry.spec.options else None
        validated, values = validate(f"metric {name}", cls, options)
        ready.append(ReadyMetric(entry, registry.resolve(entry.spec.metric, entry), validated, values))
    return ready


def _fits(entry: Registered[MetricSpec], modality: str) -> bool:
    return entry.spec.modality in (None, modality)


def _eyes(pipeline: Pipeline, plan: Plan, shape: Sequence[int], given: Sequence[str]) -> dict[str, str]:
    """Return the names of the embedders to look through, and why those."""
    if given:
        return dict.fromkeys(given, "asked for")
    named = named_embedder(plan.model.folder) if plan.model else None
    kinds = (entry.spec for entry in pipeline.registry.embedders.values())
    if not named and all(kind.modality != plan.order.modality or kind.default_for is None for kind in kinds):
        return {}
    name, why = default_embedder(pipeline, plan.order.modality, shape, named)
    return {name: why}


def missing(metric: ReadyMetric, evidence: Gathered) -> str | None:
    """Say what a metric needs that is not there, or None."""
    needs = metric.entry.spec.needs
    # What the model can never do first: no data mends that.
    if "encodes" in needs and not callable(getattr(evidence.component, "encode", None)):
        return "the model cannot encode"
    if "likelihood" in needs and not callable(getattr(evidence.component, "log_likelihood", None)):
        return "the model has no likelihood"
    if "probabilities" in needs and not evidence.classes:
        return f"needs an embedder that names classes, and {evidence.space} names none"
    if "prompts" in needs and evidence.prompts is None:
        return "the model makes nothing of a prompt"
    if "labels" in needs and not (evidence.labels and evidence.plan.takes_label):
        return "the model takes no labels"
    if "labels" in needs and "probabilities" in needs and not set(evidence.labels) <= set(evidence.classes):
        return f"{evidence.space} does not know the model's labels"
    if evidence.reference is None and {"reference", "training"} & set(needs):
        return "needs real examples: --data DATA"
    if "training" in needs and not evidence.has("training"):
        return "needs the examples that the model learnt from, and the data has no train part"
    if "training" in needs and evidence.split == "train":
        return "needs real examples that the model did not learn from: --split test"
    return None


def stamped(metric: ReadyMetric, evidence: Gathered, found: Iterable[Measured]) -> Iterator[Measurement]:
    """Yield what a metric found, with all that it depends on."""
    spec, plugin = metric.entry.spec, metric.entry.plugin
    for measured in found:
        interval, floor = measured.interval, None
        if measured.floor is not None:
            source = evidence.source("floor")
            assert source is not None
            floor = Floor(value=measured.floor, n=measured.floor_n or source.n, source=source)
        yield Measurement(
            name=f"{measured.name}({evidence.space})" if metric.looks else measured.name,
            model=subject(evidence.plan),
            value=float(measured.value),
            interval=Range(low=interval.low, high=interval.high, method=interval.method) if interval else None,
            better=measured.better,
            n=measured.n,
            seed=evidence.plan.order.seed,
            metric=spec.name,
            version=f"{plugin.name} {plugin.version}, {spec.version}",
            options=metric.given,
            reference=_source(evidence, metric, "reference"),
            training=_source(evidence, metric, "training"),
            extractor=evidence.eye if metric.looks else None,
            floor=floor,
            details=dict(measured.details),
        )


def _source(evidence: Gathered, metric: ReadyMetric, part: Any) -> Source | None:
    return evidence.source(part) if part in metric.entry.spec.needs else None


def _spelt(metric: ReadyMetric, evidence: Gathered) -> str:
    name = metric.entry.spec.name
    return f"{name}({evidence.space})" if metric.looks else name


def subject(plan: Plan) -> Subject:
    """Say which model a plan samples, and with which options that were asked for."""
    return Subject(name=plan.name, sha256=plan.model.sha256 if plan.model else "", options=dict(plan.order.options))
