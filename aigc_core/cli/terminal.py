"""Printing: data to stdout, talk to stderr; rich only where a person is looking."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.console import Console

T = TypeVar("T")

_SPELT = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})
HALF_BLOCK = "▀"


def is_terminal() -> bool:
    """Say whether a person is looking at stdout."""
    return sys.stdout.isatty()


def say(line: str) -> None:
    """Print a line of talk on stderr."""
    print(f"aigc: {line}", file=sys.stderr)  # noqa: T201


def print_json(value: Any) -> None:
    """Print a JSON document on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))  # noqa: T201


def print_line(line: str) -> None:
    """Print a line of data on stdout, even where the locale cannot spell it."""
    try:
        print(line)  # noqa: T201
    except UnicodeEncodeError:
        sys.stdout.buffer.write(line.encode("utf-8") + b"\n")


def print_row(cells: Sequence[Any]) -> None:
    """Print one tab-separated line of data; what would break the line or the column is spelt ``\\n``, ``\\t``."""
    print_line("\t".join(str(cell).translate(_SPELT) for cell in cells))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
    """Print a table: drawn on a terminal, tab-separated with a header line elsewhere."""
    texts = [[("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not is_terminal():
        for row in (columns, *texts):
            print_row(row)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, title=title, box=box.SIMPLE_HEAD, title_justify="left", header_style="bold")
    for row in texts:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def print_records(records: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print records: all of them as JSON, or the named `columns` as a table."""
    if as_json:
        print_json(records)
        return
    titles = [column.replace("_", " ") for column in columns]
    print_table(titles, [[_spelt(record[column]) for column in columns] for record in records])


def _spelt(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(str(part) for part in value) if isinstance(value, (list, tuple)) else value


def console() -> Console:
    """Return a rich console on stdout."""
    from rich.console import Console

    return Console()


def off_stdout(events: Iterator[T]) -> Iterator[T]:
    """Pass `events` on; what plugins print while one is made goes to stderr, because stdout is data."""
    while True:
        with redirect_stdout(sys.stderr):
            try:
                event = next(events)
            except StopIteration:
                return
        yield event


def print_pictures(pictures: Sequence[Image]) -> None:
    """Show pictures side by side as half blocks: two pixels a character, upper and lower."""
    from rich.text import Text

    screen = console()
    height = min(32, max(picture.height for picture in pictures))
    shown = [_fit(picture, height, screen.width) for picture in pictures]
    fitting = shown[: max(1, screen.width // (max(picture.width for picture in shown) + 1))]
    for line in range(0, height, 2):
        text = Text()
        for picture in fitting:
            for x in range(picture.width):
                upper, lower = (picture.getpixel((x, min(y, picture.height - 1))) for y in (line, line + 1))
                text.append(HALF_BLOCK, style=f"{_colour(upper)} on {_colour(lower)}")
            text.append(" ")
        screen.print(text, no_wrap=True, crop=True)


def _fit(picture: Image, height: int, width: int) -> Image:
    flat = picture.convert("RGBA")
    flat.thumbnail((width, height))
    from PIL import Image as Images

    base = Images.new("RGBA", flat.size, "white")
    base.alpha_composite(flat)
    return base.convert("RGB")


def _colour(pixel: Any) -> str:
    red, green, blue = pixel
    return f"#{red:02x}{green:02x}{blue:02x}"
