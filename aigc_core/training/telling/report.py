"""The report of a training: one HTML file that needs nothing from anywhere, made from what the training left behind.

Everything is read from the model's folder, so it can be written at any time: at the end, after a crash, years later.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from aigc_core.provenance import store
from aigc_core.training.estimate import duration
from aigc_core.training.telling.card import METRIC_COLUMNS, metric_row
from aigc_core.training.telling.curves import Curve, chart, number
from aigc_core.training.telling.tables import as_html, text_table
from aigc_core.training.telling.trace import RUN_FOLDER, Trace, read_trace
from aigc_core.version import __version__

REPORT = "report.html"

EARLIER = 4  # sheets shown small, besides the last
SMALL = 280  # pixels

#: Nothing is fetched or run, whatever the names and labels in it may try.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_report(model_folder: Path) -> Path:
    """Write ``report.html`` into a model folder, from its run folder ``training``, and return its path.

    Raises:
        FileError: it cannot be written.
    """
    return store(model_folder / REPORT, page(read_trace(model_folder), model_folder.name).encode())


def page(trace: Trace, name: str) -> str:
    """Return the report as HTML. Whatever came from files or options is escaped."""
    title = str(trace.run.get("name") or name)
    parts = {
        "Alarms": _alarms(trace),
        "Samples": _samples(trace),
        "Curves": _curves(trace),
        "Nearest neighbours": _neighbours(trace),
        "Measured": _measured(trace),
        "Data": _data(trace),
        "Time": _time(trace),
        "Settings": _settings(trace),
    }
    shown = {heading: content for heading, content in parts.items() if content}
    links = "".join(f'<a href="#{_anchor(heading)}">{heading}</a>' for heading in shown)
    sections = "".join(
        f'<section id="{_anchor(heading)}"><h2>{heading}</h2>{content}</section>' for heading, content in shown.items()
    )
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}: training report</title><style>{style}</style></head><body>"
        f'<header><h1>{escape(title)}</h1><p class="soft">{_subtitle(trace)}</p></header>'
        f"{_facts(trace)}<nav>{links}</nav><main>{sections}</main>"
        f'<footer class="soft"><p>Written by aigc {escape(__version__)} from what the training left in '
        f"<code>{RUN_FOLDER}/</code>.</p></footer></body></html>\n"
    )


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _subtitle(trace: Trace) -> str:
    asked = trace.run.get("asked")
    run = {**(asked if isinstance(asked, dict) else {}), **trace.run}
    said = [f"<code>{escape(str(run['component']))}</code>"] if run.get("component") else []
    if run.get("data"):
        said.append(f"learnt from <code>{escape(str(run['data']))}</code>")
    return " ".join(said) or "A training"


def _last(trace: Trace, key: str) -> Any:
    return next((row[key] for row in reversed(trace.rows) if row.get(key) is not None), None)


def _finished(trace: Trace) -> Mapping[str, Any]:
    found = trace.run.get("finished")
    return found if isinstance(found, dict) else {}


def _steps_and_seconds(trace: Trace) -> tuple[int, float | None]:
    finished = _finished(trace)
    seconds = finished.get("seconds", _last(trace, "seconds"))
    return int(finished.get("steps") or _last(trace, "step") or 0), None if seconds is None else float(seconds)


def _facts(trace: Trace) -> str:
    """Return the few numbers that are looked for first."""
    steps, seconds = _steps_and_seconds(trace)
    planned = trace.run.get("steps")
    cells = [(f"{steps:,}", f"of {planned:,} steps" if isinstance(planned, int) and planned != steps else "steps")]
    if seconds is not None:
        cells.append((duration(seconds), "training time"))
    speeds = [
        row["examples_per_second"] for row in trace.rows if isinstance(row.get("examples_per_second"), int | float)
    ]
    if speeds:
        cells.append((number(float(sorted(speeds)[len(speeds) // 2])), "examples a second"))
    cells.append((str(len(trace.alarms)), "alarm" if len(trace.alarms) == 1 else "alarms"))
    if not _finished(trace):
        cells.append(("unfinished", "so far"))
    elif stopped := _finished(trace).get("stopped"):
        cells.append(("ended early", escape(str(stopped))))
    return '<div class="facts">' + "".join(f"<div><b>{b}</b><span>{s}</span></div>" for b, s in cells) + "</div>"


def _alarms(trace: Trace) -> str:
    if not trace.alarms:
        return '<p class="well">None. Nothing looked wrong while it trained.</p>' if trace.rows else ""
    return "".join(
        f'<div class="alarm"><b>{_said(row, "name")}</b> <span class="soft">at step {_said(row, "step")}</span>'
        f"<p>{_said(row, 'message')}</p><p><b>Try:</b> {_said(row, 'advice')}</p></div>"
        for row in trace.alarms
    )


def _said(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key, "")
    return escape(f"{value:,}" if isinstance(value, int) else str(value))


def _samples(trace: Trace) -> str:
    return _texts(trace) or _pictures(trace)


def _texts(trace: Trace) -> str:
    """Return the samples of a training of texts: the last ones whole, earlier ones folded."""
    sheets = sorted((trace.folder / "samples").glob("step-*.txt"))
    if not sheets:
        return ""
    places = sorted({round(place * (len(sheets) - 1) / EARLIER) for place in range(EARLIER)} - {len(sheets) - 1})
    earlier = "".join(
        f"<details><summary>step {_step_of(sheets[place])}</summary>{_text(sheets[place])}</details>"
        for place in places
    )
    again = ""
    if (reconstructions := trace.folder / "reconstructions.txt").is_file():
        again = f"<h3>Reconstructions: real texts, and what the model makes of each</h3>{_text(reconstructions)}"
    return f"<p>Fixed-seed samples at step {_step_of(sheets[-1])}</p>{_text(sheets[-1])}{earlier}{again}"


def _text(path: Path) -> str:
    try:
        return f"<pre>{escape(path.read_text(encoding='utf-8', errors='replace'))}</pre>"
    except OSError:
        return ""


def _pictures(trace: Trace) -> str:
    sheets = sorted((trace.folder / "samples").glob("step-*.png"))
    shown = []
    if sheets:
        shown.append(_picture(sheets[-1], f"Fixed-seed samples at step {_step_of(sheets[-1])}"))
    if (film := trace.folder / "film.gif").is_file():
        shown.append(_picture(film, "The same seeds over the whole training"))
    places = [round(place * (len(sheets) - 1) / EARLIER) for place in range(EARLIER)] if len(sheets) > EARLIER else []
    strip = "".join(_thumbnail(sheets[place], f"step {_step_of(sheets[place])}") for place in places)
    below = f'<div class="strip">{strip}</div>' if strip else ""
    again = ""
    if (reconstructions := trace.folder / "reconstructions.png").is_file():
        caption = "Reconstructions: real pictures, and under each what the model makes of it"
        again = f"<h3>Reconstructions</h3>{_picture(reconstructions, caption)}"
    return (f'<div class="pictures">{"".join(shown)}</div>{below}' if shown else "") + again


def _step_of(sheet: Path) -> str:
    digits = sheet.stem.rpartition("-")[2]
    return f"{int(digits):,}" if digits.isdecimal() else escape(digits)


def _picture(path: Path, caption: str) -> str:
    kind = path.suffix.lstrip(".").lower()
    try:
        data = path.read_bytes()
    except OSError:
        return ""
    return _figure(f"image/{kind}", data, caption)


def _figure(kind: str, data: bytes, caption: str) -> str:
    source = base64.b64encode(data).decode()
    return (
        f'<figure><figcaption>{escape(caption)}</figcaption><img alt="{escape(caption)}" src="data:{kind};base64,'
        f'{source}"></figure>'
    )


def _thumbnail(path: Path, caption: str) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    try:
        with Image.open(path) as sheet:
            small = sheet.convert("RGB")
        small.thumbnail((SMALL, SMALL), Image.Resampling.BOX)
        small.save(buffer, "JPEG", quality=80)
    except OSError:
        return ""
    return _figure("image/jpeg", buffer.getvalue(), caption)


SAMPLES, SPEED, RATE = "samples", "examples a second", "learning rate"
NEAR_COPIES = f"{SAMPLES}/near_copies"
OF_TEXTS = (
    "Of the fixed-seed samples: variety is their share of different four-letter pieces over that of real texts, and "
    "near 1 is right; repetition is the share of such pieces that stood in the same text before; repeats are the same "
    "as another sample; of near copies, more than half stands in training texts."
)
OF_SAMPLES = (
    "Of the fixed-seed samples, on small pixels: diversity is their mean distance over that of real pictures, and near "
    "1 is right; coverage is the share of real pictures with a sample near by, 0.95 where samples are as good as real "
    "ones; repeats are almost the same as another sample, and near copies as a training picture: of real pictures, "
    "0.01 are."
)


def _curves(trace: Trace) -> str:
    marks: dict[float, str] = {}
    for alarm in trace.alarms:
        if isinstance(step := alarm.get("step"), int):
            marks[step] = f"{marks[step]}, {alarm.get('name')}" if step in marks else str(alarm.get("name"))
    groups = _groups(trace)
    # Losses first; shares and rates, which are drawn as they are, after them.
    plain = [group for group in (SAMPLES, SPEED, RATE) if group in groups]
    drawn = "".join(
        chart(group, [Curve(*each) for each in groups[group].items()], marks, log=group not in plain)
        for group in (*(group for group in groups if group not in plain), *plain)
    )
    if not drawn:
        return ""
    note = '<p class="soft">Dashed lines from top to bottom are alarms.</p>' if marks else ""
    of_samples = OF_TEXTS if trace.run.get("modality") == "text" else OF_SAMPLES
    legend = f'<p class="soft">{of_samples}</p>' if SAMPLES in groups else ""
    return f'{note}<div class="charts">{drawn}</div>{legend}'


def _groups(trace: Trace) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Return the points of each log, by the chart it stands in (its phase) and its name there."""
    groups: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in trace.rows:
        logs, rate = row.get("logs"), row.get("lr")
        found = [(*key.rpartition("/")[::2], value) for key, value in (logs if isinstance(logs, dict) else {}).items()]
        found.append((SPEED, SPEED, row.get("examples_per_second")))
        found += [(RATE, name, each) for name, each in (rate if isinstance(rate, dict) else {RATE: rate}).items()]
        for group, name, value in found:
            if isinstance(value, int | float) and not isinstance(value, bool):
                series = groups.setdefault(group or "logs", {}).setdefault(name.replace("_", " "), [])
                series.append((float(row["step"]), float(value)))
    return groups


def _neighbours(trace: Trace) -> str:
    if (texts := trace.folder / "neighbours.txt").is_file():
        return f"<p>How much of each sample stands in training texts, piece by piece; the most first.</p>{_text(texts)}"
    path = trace.folder / "neighbours.png"
    if not path.is_file():
        return ""
    copies = next((logs[NEAR_COPIES] for logs in _logs_backwards(trace) if NEAR_COPIES in logs), None)
    said = ""
    if isinstance(copies, int | float):
        said = (
            f"<p>{copies:.0%} of the fixed-seed samples are near copies: nearer to a training picture than 99% of "
            "training pictures are to another one. About 1% is what new pictures of the same kind would have.</p>"
        )
    caption = "Samples, and under each the nearest training picture; the nearest pairs come first"
    return said + _picture(path, caption)


def _logs_backwards(trace: Trace) -> Iterator[Mapping[str, Any]]:
    return (row["logs"] for row in reversed(trace.rows) if isinstance(row.get("logs"), dict))


def _measured(trace: Trace) -> str:
    measurements = trace.metrics.get("evaluation")
    if isinstance(measurements, list) and measurements:
        rows = [metric_row(metric) for metric in measurements if isinstance(metric, dict)]
        return text_table(METRIC_COLUMNS, rows)
    return as_html(trace.metrics)


def _data(trace: Trace) -> str:
    return as_html(trace.survey)


def _time(trace: Trace) -> str:
    estimate = trace.run.get("estimate")
    steps, seconds = _steps_and_seconds(trace)
    if not isinstance(estimate, dict) or not isinstance(estimate.get("seconds"), int | float) or seconds is None:
        return ""
    guessed = f"{duration(estimate['seconds'])}"
    if isinstance(estimate.get("low"), int | float) and isinstance(estimate.get("high"), int | float):
        guessed += f" ({duration(estimate['low'])} to {duration(estimate['high'])})"
    rows = [("estimated after the warm-up", guessed), (f"taken, for {steps:,} steps", duration(seconds))]
    if _finished(trace) and estimate["seconds"] > 0:
        rows.append(("taken over estimated", f"{seconds / estimate['seconds']:.2f}"))
    return text_table((), rows)


#: What stands in other sections.
_TOLD = frozenset({"format", "name", "component", "data", "asked", "estimate", "finished", "command"})


def _settings(trace: Trace) -> str:
    command = trace.run.get("command")
    told = f"<pre>{escape(str(command))}</pre>" if command else ""
    return told + as_html({key: value for key, value in trace.run.items() if key not in _TOLD})
