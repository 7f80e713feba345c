"""A comparison as one HTML page that needs nothing else: pictures are in it, and there is no script."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from html import escape

from aigc_core.contact_sheet import contact_sheet
from aigc_core.content import Content
from aigc_core.evaluation.comparing import Comparison, Row
from aigc_core.evaluation.records import Measurement

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; color: #222; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { padding: .35rem .8rem; text-align: left; vertical-align: top; }
tr { border-bottom: 1px solid #ddd; } td.number { font-variant-numeric: tabular-nums; }
.best { background: #e6f4e6; } .quiet { color: #777; font-size: .85rem; } .refused { color: #a33; font-size: .85rem; }
.models { display: flex; flex-wrap: wrap; gap: 1.5rem; } figure { margin: 0; } img { max-width: 24rem; width: 100%; }
pre { background: #f6f6f6; padding: .8rem; overflow-x: auto; font-size: .8rem; }
"""


def page(comparison: Comparison) -> str:
    """Return the page: samples of the same seeds side by side, the numbers with intervals, and their settings."""
    models = comparison.models
    head = "".join(f"<th>{escape(model)}</th>" for model in models)
    rows = "".join(_row(row) for row in comparison.rows)
    figures = "".join(
        _figure(model, samples, comparison.seed)
        for model, samples in zip(models, comparison.samples, strict=True)
        if any(samples)
    )
    settings = {row.name: _settings(row) for row in comparison.rows}
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(" · ".join(models))}</title><style>{STYLE}</style></head><body>
<h1>{escape(" · ".join(models))}</h1>
<h2>Samples</h2>
<p class="quiet">The same seeds, from {comparison.seed} on, in the same places.
What moderation did not allow is blank.</p>
<div class="models">{figures}</div>
<h2>Numbers</h2>
<p class="quiet">With 95 % intervals. Shaded: the best, and what its interval does not tell apart from it.
“Real” is the same number between real and real.</p>
<table><thead><tr><th>metric</th>{head}<th>real</th></tr></thead><tbody>{rows}</tbody></table>
<h2>Settings</h2>
<pre>{escape(json.dumps(settings, indent=2, ensure_ascii=False))}</pre>
</body></html>
"""


def _row(row: Row) -> str:
    cells = "".join(
        f'<td class="number{" best" if place in row.leaders else ""}">{_cell(each)}</td>'
        for place, each in enumerate(row.measurements)
    )
    better = next((each.better for each in row.measurements if each), None)
    arrow = {"lower": " ↓", "higher": " ↑"}.get(better or "", "")
    refused = "".join(
        f'<div class="refused">not comparable: {escape(name)} differs ({escape(", ".join(map(str, values)))})</div>'
        for name, values in row.differing.items()
    )
    floors = {f"{each.floor.value:.4g}" for each in row.measurements if each and each.floor}
    real = f'<td class="number">{", ".join(sorted(floors))}</td>'
    return f"<tr><td>{escape(row.name)}{arrow}{refused}</td>{cells}{real}</tr>"


def _cell(measurement: Measurement | None) -> str:
    if measurement is None:
        return "–"
    interval = measurement.interval
    reach = f'<div class="quiet">{interval.low:.4g} … {interval.high:.4g}</div>' if interval else ""
    return f"{measurement.value:.4g}{reach}"


def _settings(row: Row) -> list[object]:
    kept: list[object] = []
    for each in row.measurements:
        if each is not None and (settings := each.settings()) not in kept:
            kept.append(settings)
    return kept


def _figure(model: str, samples: Sequence[Content | None], seed: int) -> str:
    caption = f"<figcaption>{escape(model)}</figcaption>"
    texts = [sample for sample in samples if isinstance(sample, str)]
    if texts:
        return f"<figure>{caption}{''.join(f'<pre>{escape(text)}</pre>' for text in texts)}</figure>"
    from PIL import Image

    pictures = [sample for sample in samples if sample is not None and not isinstance(sample, str)]
    blank = Image.new("RGB", pictures[0].size, "white")
    sheet = contact_sheet([blank if sample is None else sample for sample in samples if not isinstance(sample, str)])
    stream = io.BytesIO()
    sheet.save(stream, "PNG", optimize=True)
    source = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    alt = f"{len(samples)} samples of {escape(model)}, seeds from {seed} on"
    return f'<figure>{caption}<img src="{source}" alt="{alt}"></figure>'
