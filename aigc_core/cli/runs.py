"""``aigc runs``: what was made, when, and how it ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from aigc_core.cli import terminal
from aigc_core.cli.arguments import Json

if TYPE_CHECKING:
    from aigc_core.runs import Ledger

app = typer.Typer(no_args_is_help=True, help="The run ledger: list, show.")


def _ledger() -> Ledger:
    from aigc_core.config import load
    from aigc_core.runs import Ledger

    return Ledger(load().config.ledger_path)


@app.command("list")
def list_runs(
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 20,
    as_json: Json = False,
) -> None:
    """List the newest runs."""
    rows = _ledger().runs(limit)
    columns = ["id", "status", "model", "seed", "total", "created", "blocked", "failed"]
    terminal.print_records([asdict(row) for row in rows], columns, as_json=as_json)


@app.command("show")
def show(
    run: Annotated[str, typer.Argument(help="A run's id, or the beginning of one.")],
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many items.")] = 1000,
    as_json: Json = False,
) -> None:
    """Show one run and its items."""
    ledger = _ledger()
    row = ledger.run(run)
    items = ledger.items(row.id, limit)
    if as_json:
        terminal.print_json({**asdict(row), "items": [asdict(item) for item in items]})
        return
    terminal.print_table(["of", row.id], [(key, value) for key, value in asdict(row).items() if value is not None])
    terminal.print_table(
        ["item", "seed", "status", "file", "recipe", "reason"],
        [[item.idx, item.seed, item.status, item.path, (item.recipe_id or "")[:12], item.reason] for item in items],
    )
