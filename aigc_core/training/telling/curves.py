"""Curves as SVG, drawn here so that a report needs nothing from anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

Points = Sequence[tuple[float, float]]

# Narrow enough that the writing is still read when a phone shows it at two thirds of its size.
WIDTH, HEIGHT = 480, 270
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 40
COLOURS = 6  # there are so many in the style sheet, c0 to c5; dashes tell later ones apart
POINTS = 240  # two pixels each
LOG_RATIO = 50.0
NAMED = 12


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart: its name and its points ``(x, y)``, x rising; what is not finite is left out."""

    name: str
    points: Points


@dataclass(frozen=True, slots=True)
class _Bucket:
    """Neighbouring points as one: mean place and height, and how far they spread."""

    x: float
    y: float
    low: float
    high: float


def _buckets(points: Points) -> list[_Bucket]:
    finite = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    size = max(1, math.ceil(len(finite) / POINTS))
    parts = (finite[start : start + size] for start in range(0, len(finite), size))
    return [_bucket(part) for part in parts]


def _bucket(part: Points) -> _Bucket:
    heights = [y for _, y in part]
    return _Bucket(sum(x for x, _ in part) / len(part), sum(heights) / len(part), min(heights), max(heights))


@dataclass(frozen=True, slots=True)
class _Scale:
    """From numbers to pixels along one axis."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return round(self.start + (value - low) / (high - low) * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Return some four round numbers."""
        if not self.log:
            return _round_numbers(self.low, self.high)
        decades = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
        if len(decades) > 2:
            return [10.0**decade for decade in decades][:: max(1, len(decades) // 5)]
        around = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        finer = [factor * 10.0**decade for decade in around for factor in (1, 2, 5)]
        return [tick for tick in finer if self.low <= tick <= self.high]


def _round_numbers(low: float, high: float) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten from `low` to `high`, three to six of them."""
    rough = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10, 20) if factor * power >= rough * 1.1)
    first = math.ceil(low / step - 1e-9)
    return [place * step for place in range(first, math.floor(high / step + 1e-9) + 1)]


def _vertical(buckets: Sequence[_Bucket], log: bool) -> _Scale:
    low, high = min(bucket.low for bucket in buckets), max(bucket.high for bucket in buckets)
    if log and low > 0 and high / low > LOG_RATIO:
        return _Scale(low / 1.1, high * 1.1, HEIGHT - BOTTOM, TOP, log=True)
    margin = 0.05 * (high - low) or 0.1 * abs(high) or 1.0
    # What is never negative, like most losses, is not drawn as if it were.
    bottom = max(0.0, low - margin) if low >= 0 else low - margin
    return _Scale(bottom, high + margin, HEIGHT - BOTTOM, TOP)


def number(value: float) -> str:
    """Write a number as short as it can be read: ``1,500``, ``0.25``, ``2e-05``, ``3M``."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e9 or size < 1e-3:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    if size >= 1e6:
        return f"{value / 1e6:.4g}M"
    return f"{value:,.0f}" if size >= 1000 else f"{value:.4g}"


def chart(
    title: str, curves: Sequence[Curve], marks: Mapping[float, str] | None = None, *, x: str = "step", log: bool = True
) -> str:
    """Draw curves into one chart, with axes, legend and last values, as a ``<figure>``; nothing where there is nothing.

    A line is the mean of neighbouring points; how far they spread is drawn behind it. The vertical axis is
    logarithmic where it may be, all is positive, and the largest is more than 50 times the smallest.

    Args:
        title: above it.
        curves: what is drawn.
        marks: x → what happened there: a dashed line from top to bottom.
        x: what the horizontal axis shows.
        log: whether the vertical axis may be logarithmic.
    """
    drawn = [(curve.name, buckets) for curve in curves if (buckets := _buckets(curve.points))]
    if not drawn:
        return ""
    every = [bucket for _, buckets in drawn for bucket in buckets]
    vertical = _vertical(every, log)
    first, last = min(bucket.x for bucket in every), max(bucket.x for bucket in every)
    across = _Scale(first, last if last > first else first + 1, LEFT, WIDTH - RIGHT)
    inside = {place: name for place, name in (marks or {}).items() if first <= place <= last}
    note = " (logarithmic)" if vertical.log else ""
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)} by {escape(x)}{note}">',
        *_axes(across, vertical, x),
        *(_mark(across(place), name) for place, name in inside.items()),
        *(_line(index, buckets, across, vertical) for index, (_, buckets) in enumerate(drawn)),
        "</svg>",
    ]
    caption = f"<figcaption>{escape(title)}{note}</figcaption>"
    return f'<figure class="chart">{caption}{"".join(parts)}{_legend(drawn)}</figure>'


def _axes(across: _Scale, vertical: _Scale, x: str) -> Iterator[str]:
    floor = HEIGHT - BOTTOM
    for tick in vertical.ticks():
        y = vertical(tick)
        yield f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{number(tick)}</text>'
    for tick in across.ticks():
        place = across(tick)
        anchor = "end" if place > WIDTH - 40 else "middle"
        yield f'<path class="axis" d="M{place} {floor}v4"/>'
        yield f'<text x="{place}" y="{floor + 17}" text-anchor="{anchor}">{number(tick)}</text>'
    yield f'<path class="axis" d="M{LEFT} {TOP}V{floor}H{WIDTH - RIGHT}"/>'
    yield f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x)}</text>'


def _mark(place: float, name: str) -> str:
    return f'<path class="mark" d="M{place} {TOP}V{HEIGHT - BOTTOM}"><title>{escape(name)}</title></path>'


def _dash(index: int) -> str:
    return f' stroke-dasharray="{2 + 3 * (index // COLOURS)} 3"' if index >= COLOURS else ""


def _line(index: int, buckets: Sequence[_Bucket], across: _Scale, vertical: _Scale) -> str:
    colour = f"c{index % COLOURS}"
    if len(buckets) == 1:
        return f'<circle class="dot {colour}" cx="{across(buckets[0].x)}" cy="{vertical(buckets[0].y)}" r="3"/>'
    band = ""
    if any(bucket.low < bucket.high for bucket in buckets):
        upper = [f"{across(bucket.x)} {vertical(bucket.high)}" for bucket in buckets]
        lower = [f"{across(bucket.x)} {vertical(bucket.low)}" for bucket in reversed(buckets)]
        band = f'<path class="band {colour}" d="M{"L".join(upper + lower)}Z"/>'
    path = "L".join(f"{across(bucket.x)} {vertical(bucket.y)}" for bucket in buckets)
    return f'{band}<path class="line {colour}" d="M{path}"{_dash(index)}/>'


def _legend(drawn: Sequence[tuple[str, Sequence[_Bucket]]]) -> str:
    items = [
        '<li><svg class="key" viewBox="0 0 18 8">'
        f'<path class="line c{index % COLOURS}" d="M0 4H18"{_dash(index)}/></svg>'
        f"{escape(name)} <b>{number(buckets[-1].y)}</b></li>"
        for index, (name, buckets) in enumerate(drawn[:NAMED])
    ]
    if len(drawn) > NAMED:
        items.append(f"<li>and {len(drawn) - NAMED} more</li>")
    return f'<ul class="legend">{"".join(items)}</ul>'
