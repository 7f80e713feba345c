"""Facts as HTML tables: any JSON, whoever wrote it, escaped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from aigc_core.training.telling.curves import number

ROWS = 60  # of a table; a data set may have thousands of broken files


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of plain text, escaped."""
    return _rows(columns, [tuple(escape(cell) for cell in row) for row in rows])


def as_html(value: Any, depth: int = 0) -> str:
    """Show any JSON: mappings and lists of mappings as tables, lists as lines, deep nesting as JSON."""
    if isinstance(value, Mapping):
        if depth > 2:
            return f"<code>{escape(json.dumps(value, ensure_ascii=False))}</code>"
        return _mapping(value, depth) if value else ""
    if isinstance(value, list):
        return _list(value, depth)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, int | float):
        return str(value) if isinstance(value, int) else number(value)  # a seed must come back as it is
    return escape(str(value)).replace("\n", "<br>")


def _mapping(value: Mapping[str, Any], depth: int) -> str:
    """Show what is small as one table, and what is large below it, under its name."""
    large = {key: each for key, each in value.items() if isinstance(each, dict | list) and each and not _short(each)}
    rows = [(_words(key), as_html(each, depth + 1)) for key, each in value.items() if key not in large]
    below = "".join(f"<h3>{escape(_words(key))}</h3>{as_html(each, depth + 1)}" for key, each in large.items())
    return (_rows((), [(escape(name), shown) for name, shown in rows]) if rows else "") + below


def _short(value: Any) -> bool:
    """Say whether a list reads well in one line."""
    if not isinstance(value, list) or not all(isinstance(each, int | float | str) for each in value):
        return False
    return sum(len(str(each)) + 2 for each in value) <= 120


def _words(key: str) -> str:
    return str(key).replace("_", " ")


def _list(value: Sequence[Any], depth: int) -> str:
    if _short(value):
        return escape(", ".join(map(str, value))) or "–"
    shown, rest = value[:ROWS], len(value) - ROWS
    if all(isinstance(each, dict) for each in shown):
        columns = list(dict.fromkeys(key for each in shown for key in each))
        cells = [tuple(as_html(each.get(key, ""), depth + 2) for key in columns) for each in shown]
        table = _rows([_words(key) for key in columns], cells)
    else:
        table = _rows((), [(as_html(each, depth + 2),) for each in shown])
    more = f'<p class="soft">and {rest:,} more</p>' if rest > 0 else ""
    return table + more


def _rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already; the columns' names are not."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    top = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f'<div class="wide"><table>{top}<tbody>{body}</tbody></table></div>'
