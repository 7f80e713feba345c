"""The model card: what was learnt from what, how, how well, and what it cannot do. Every sentence comes from a fact."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aigc_core.content import JSON
from aigc_core.training.contract import Alarm
from aigc_core.training.estimate import duration

#: Licences that the Hugging Face hub knows by their SPDX names in lower case; others are named as ``other``.
KNOWN_LICENCES = """
afl-3.0 apache-2.0 artistic-2.0 bsd bsd-2-clause bsd-3-clause bsl-1.0 cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0
cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0
cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 gpl-2.0 gpl-3.0 agpl-3.0 lgpl-2.1 lgpl-3.0 isc mit mpl-2.0 ms-pl ncsa
odbl ofl-1.1 openrail pddl unlicense wtfpl zlib unknown
""".split()  # noqa: SIM905 - ninety quotation marks would hide what it says

#: Fewer pictures than this are learnt by heart rather than learnt from.
TINY, SMALL = 100, 1000
MOST_LABELS = 40


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says.

    Attributes:
        name: of the model.
        component: e.g. ``"image/gan"``; summary: its algorithm in a few words.
        data: name of what was learnt from, no path.
        examples: how many pictures or texts; characters: of the texts; counts: by label, where the data has any.
        labels: that the model can be asked for, in order.
        modality: of what it makes, ``"image"`` or ``"text"``.
        shape: ``(C, H, W)``, or of texts anything.
        licence: as given with ``--license``, or None.
        survey: what the look at the data found, as sentences or part of one: ``("3 files skipped", …)``.
        command: that makes it again; seed: of the training.
        config: what the component was built with; training: how the loop trained.
        steps: done, in so many seconds, on `machine`, e.g. ``"2 cores, x86_64, avx2"``.
        versions: of what took part, by name.
        metrics: the measurements of ``metrics.json``, as JSON: ``name``, ``value``, ``n``, and what else there is.
        alarms: that were told, in order; near_copies: share of the samples at the end, if it was measured.
        base: model it started from, or None.
        use: what to type to use it, where that is not to generate; samples: whether it makes any, or only vectors.
    """

    name: str
    component: str
    data: str
    examples: int
    shape: Sequence[int]
    command: str
    seed: int
    steps: int
    seconds: float
    machine: str
    summary: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    labels: Sequence[str] = ()
    licence: str | None = None
    survey: Sequence[str] = ()
    config: Mapping[str, JSON] = field(default_factory=dict)
    training: Mapping[str, JSON] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[Mapping[str, Any]] = ()
    alarms: Sequence[Alarm] = ()
    near_copies: float | None = None
    base: str | None = None
    use: str = ""
    samples: bool = True
    modality: str = "image"
    characters: int = 0

    @property
    def makes_texts(self) -> bool:
        return self.modality == "text"

    @property
    def noun(self) -> str:
        """What it makes and learnt from, in the plural."""
        return "texts" if self.makes_texts else "pictures"


def card(facts: CardFacts) -> str:
    """Return ``README.md`` of a model folder: Markdown with a YAML header as the Hugging Face hub reads it."""
    sections = [
        _header(facts),
        f"# {escape(facts.name)}\n\n{_opening(facts)}\n\n{_fenced(facts.use or _use(facts))}"
        + (f"\n\n{SHOWN[facts.modality]}" if facts.samples else ""),
        f"## Data\n\n{_data(facts)}",
        f"## Training\n\n{_training(facts)}",
        f"## Measured\n\n{_metrics(facts)}",
        "## Limits\n\n" + "\n".join(f"- {limit}" for limit in _limits(facts)),
    ]
    return "\n\n".join(sections) + "\n"


SHOWN = {"image": "![samples](samples.png)", "text": "Samples, none of them chosen: [samples.txt](samples.txt)."}
#: What the Hugging Face hub calls what a model is for.
TASKS = {"image": "unconditional-image-generation", "text": "text-generation"}
FEATURES = "image-feature-extraction"

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|!~$&])")


def escape(text: object) -> str:
    """Return `text` as Markdown that shows it as it is, in one line, in a sentence or in a table."""
    line = "".join(character if character.isprintable() else " " for character in str(text))
    return _MARKUP.sub(r"\\\1", " ".join(line.split()))


def _quoted(text: object) -> str:
    # A JSON string is a YAML one: YAML 1.2, section 1.3.
    return json.dumps(str(text), ensure_ascii=True)


def _code(text: object) -> str:
    """Return `text` as inline code, in a table, too; its fence is longer than any run of backticks in it."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", line)), default=0))
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"


def _fenced(text: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}sh\n{text}\n{fence}"


def _header(facts: CardFacts) -> str:
    licence = (facts.licence or "unknown").strip()
    known = licence.lower() in KNOWN_LICENCES
    lines = ["---", f"license: {licence.lower() if known else 'other'}"]
    if not known:
        lines.append(f"license_name: {_quoted(licence)}")
    lines += ["library_name: aigc", f"pipeline_tag: {TASKS[facts.modality] if facts.samples else FEATURES}", "tags:"]
    family = facts.component.rpartition("/")[2]
    kind = f"{facts.modality}-generation" if facts.samples else FEATURES
    lines += [f"- {_quoted(tag)}" for tag in dict.fromkeys((kind, family, "aigc"))]
    if facts.base:
        lines.append(f"base_model: {_quoted(facts.base)}")
    return "\n".join([*lines, "---"])


def _opening(facts: CardFacts) -> str:
    labels = f", of {len(facts.labels)} kinds, chosen by label" if facts.labels else ""
    algorithm = f": {escape(facts.summary.rstrip('.'))}" if facts.summary else ""
    if facts.makes_texts:
        return f"Texts{labels}. Made by {_code(facts.component)}{algorithm}."
    channels, height, width = facts.shape
    kind = {1: "Grey", 3: "Colour", 4: "Transparent colour"}.get(channels, f"{channels}-channel")
    if not facts.samples:
        return f"Vectors of pictures. Made by {_code(facts.component)}{algorithm}."
    return f"{kind} pictures of {width}×{height} pixels{labels}. Made by {_code(facts.component)}{algorithm}."


def _use(facts: CardFacts) -> str:
    chosen = ""
    if facts.labels:
        first = facts.labels[0]
        plain = re.fullmatch(r"[\w.-]+", first)
        chosen = f" --set label={first}" if plain else f" --set 'label={_one_line(first)}'"
    return f"aigc generate --modality {facts.modality} -m {facts.name}{chosen} -n {4 if facts.makes_texts else 16}"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("'", "'\\''")


def _data(facts: CardFacts) -> str:
    size = (
        f"{facts.characters:,} characters" if facts.makes_texts else f"learnt from at {facts.shape[2]}×{facts.shape[1]}"
    )
    lines = [f"{facts.examples:,} {facts.noun} from {_code(facts.data)}, {size}."]
    if facts.licence:
        lines[0] += f" Licence, as given by who trained it: {escape(facts.licence)}."
    else:
        lines[0] += " Licence: unknown; none was given. Find out before passing the model on."
    if facts.base:
        lines.append(f"It started from the model {_code(facts.base)}; what that one learnt from counts, too.")
    if facts.survey:
        lines.append("A look at the data found:\n\n" + "\n".join(f"- {escape(found)}" for found in facts.survey))
    if facts.counts:
        shown = list(facts.counts.items())[:MOST_LABELS]
        rows = [f"| {escape(label) or '(empty)'} | {count:,} |" for label, count in shown]
        if len(facts.counts) > len(shown):
            rows.append(f"| and {len(facts.counts) - len(shown)} more | {_rest(facts, len(shown)):,} |")
        lines.append("\n".join([f"| label | {facts.noun} |", "|---|---:|", *rows]))
    return "\n\n".join(lines)


def _rest(facts: CardFacts, shown: int) -> int:
    return sum(list(facts.counts.values())[shown:])


def _training(facts: CardFacts) -> str:
    lines = [
        f"{facts.steps:,} steps in {duration(facts.seconds)} on {escape(facts.machine)}, seed {facts.seed}:",
        _fenced(facts.command),
        _settings("setting of the component", facts.config),
        _settings("setting of the training", facts.training),
    ]
    if facts.versions:
        versions = ", ".join(f"{escape(name)} {escape(version)}" for name, version in facts.versions.items())
        lines.append(f"With {versions}. The same command, data and versions on the same machine give the same weights.")
    return "\n\n".join(line for line in lines if line)


def _settings(title: str, settings: Mapping[str, JSON]) -> str:
    if not settings:
        return ""
    rows = [f"| {_code(key)} | {_code(json.dumps(value, ensure_ascii=False))} |" for key, value in settings.items()]
    return "\n".join([f"| {title} | value |", "|---|---|", *rows])


def _metrics(facts: CardFacts) -> str:
    if not facts.metrics:
        return f"Nothing yet. Try: {_code(f'aigc evaluate {facts.name}')}"
    rows = [f"| {' | '.join(escape(cell) for cell in metric_row(metric))} |" for metric in facts.metrics]
    return "\n".join([f"| {' | '.join(METRIC_COLUMNS)} |", "|---|---|---|---:|---|---|", *rows])


METRIC_COLUMNS = ("metric", "value (95 %)", "real against real", "n", "features", "held against")


def metric_row(metric: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one measurement of ``metrics.json`` as cells under `METRIC_COLUMNS`."""
    interval, floor = metric.get("interval") or {}, metric.get("floor") or {}
    value = _number(metric.get("value"))
    if interval:
        value += f" ({_number(interval.get('low'))} to {_number(interval.get('high'))})"
    reference = metric.get("reference") or metric.get("training") or {}
    held_against = f"{reference.get('split')}, {_number(reference.get('n'))}" if reference else "–"
    features = (metric.get("extractor") or {}).get("name", "–")
    return (
        str(metric.get("name", "–")), value, _number(floor.get("value")), _number(metric.get("n")),
        str(features), held_against,
    )  # fmt: skip


def _number(value: Any) -> str:
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return "–" if value is None else str(value)


def _limits(facts: CardFacts) -> Iterator[str]:
    if facts.makes_texts:
        yield "It writes in the manner of its data and knows nothing else. What it says may be wrong, rude or nonsense."
    else:
        _, height, width = facts.shape
        yield f"It makes pictures of {width}×{height} pixels, and nothing that was not in its data."
    if facts.examples < SMALL:
        much = "very likely to contain" if facts.examples < TINY else "at risk of containing"
        yield (
            f"It learnt from {facts.examples:,} {facts.noun} only, and is {much} copies of them. Look at the nearest "
            "neighbours in `report.html` before you publish what it makes."
        )
    if facts.near_copies is not None:
        how = (
            "more than half of each stands in them, piece by piece."
            if facts.makes_texts
            else "measured on small pixels; of new pictures of the same kind, about 1% would be."
        )
        yield f"{facts.near_copies:.0%} of its fixed-seed samples are near copies of training {facts.noun}: {how}"
    few = [label for label, count in facts.counts.items() if count * 10 < max(facts.counts.values())]
    if few:
        named = ", ".join(escape(label) for label in few[:8]) + (" and others" if len(few) > 8 else "")
        yield f"Expect less of the labels with few {facts.noun}: {named}."
    told = {alarm.name: alarm for alarm in facts.alarms}
    for alarm in told.values():
        yield f"While it trained, there was an alarm: {escape(alarm.name)}: {escape(alarm.message)}."
    does = "says" if facts.makes_texts else "shows"
    yield f"It knows nothing of what it {does}. Whoever uses its {facts.noun} answers for them."
