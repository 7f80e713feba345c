"""``aigc config``: the settings that hold, and where each comes from."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from aigc_core.cli import terminal
from aigc_core.cli.arguments import Json

app = typer.Typer(no_args_is_help=True, help="Settings: show them, and where they come from.")


@app.command("show")
def show(
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
    as_json: Json = False,
) -> None:
    """Show all settings, defaults included. Imports no plugin."""
    from aigc_core.config import load

    rows = load().rows()
    if as_json:
        terminal.print_json({key: {"value": value, "origin": where} if origin else value for key, value, where in rows})
        return
    columns = ["key", "value", *(["origin"] if origin else [])]
    terminal.print_table(
        columns,
        [[key, json.dumps(value, ensure_ascii=False), where][: len(columns)] for key, value, where in rows],
    )
