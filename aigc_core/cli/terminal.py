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

#: Control characters (C0, DEL, C1), spelt as Python spells them: on a terminal they could move, hide or fake text.
_CONTROLS = {code: chr(code).encode("unicode_escape").decode() for code in (*range(32), *range(127, 160))}
_UNSAFE = {code: spelt for code, spelt in _CONTROLS.items() if chr(code) not in "\t\n"}
_JSON_UNSAFE = {code: f"\\u{code:04x}" for code in range(127, 160)}  # JSON itself escapes those below 32 only
HALF_BLOCK = "▀"


def is_terminal() -> bool:
    """Say whether a person is looking at stdout."""
    return sys.stdout.isatty()


def visible(text: str) -> str:
    """Return `text` as a terminal may have it: with its lines and tabs, and every other control character spelt."""
    return text.translate(_UNSAFE)


def say(line: str) -> None:
    """Print a line of talk on stderr."""
    print(f"aigc: {visible(line)}", file=sys.stderr)  # noqa: T201


def print_json(value: Any) -> None:
    """Print a JSON document on stdout."""
    print_line(_as_json(value, indent=2))


def print_json_line(value: Any) -> None:
    """Print one line of JSON on stdout, at once."""
    print_line(_as_json(value))
    sys.stdout.flush()


def _as_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False, default=str).translate(_JSON_UNSAFE)


def print_line(line: str) -> None:
    """Print a line of data on stdout, even where the locale cannot spell it."""
    _put(f"{line}\n")


def write(text: str) -> None:
    """Write a piece of a text on stdout, at once; made visible where a person is looking."""
    _put(visible(text) if is_terminal() else text)
    sys.stdout.flush()


def _put(text: str) -> None:
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8"))


def print_heading(text: str) -> None:
    """Print what stands above a text, for a person who is looking."""
    from rich.text import Text

    console().print(Text(visible(text), style="dim"))


def print_row(cells: Sequence[Any]) -> None:
    """Print one tab-separated line of data; control characters are spelt: ``\\n``, ``\\t``, ``\\x1b``."""
    print_line("\t".join(str(cell).translate(_CONTROLS) for cell in cells))


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
        table.add_row(*(Text(visible(cell)) for cell in row))
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
