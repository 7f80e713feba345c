"""``aigc filters``: the moderation filters there are."""

from __future__ import annotations

import typer

from aigc_core.cli import terminal
from aigc_core.cli.arguments import Json, PluginFiles
from aigc_core.cli.state import State

app = typer.Typer(no_args_is_help=True, help="Moderation filters: list them.")


@app.command("list")
def list_filters(context: typer.Context, plugin: PluginFiles = None, as_json: Json = False) -> None:
    """List moderation filters in the order they run, and whether they do."""
    pipeline = context.ensure_object(State).pipeline(plugin or [])
    rules = pipeline.settings.config.moderation
    names = dict.fromkeys((*rules.filters, *pipeline.registry.filters))
    rows = []
    for name in names:
        entry = pipeline.registry.get("filter", name)
        spec = entry.spec
        rows.append(
            {
                "filter": name,
                "modality": spec.modality,
                "stages": list(spec.stages),
                "runs": name not in rules.skip,
                "plugin": entry.plugin.name,
                "summary": spec.summary,
            }
        )
    columns = ["filter", "modality", "stages", "runs", "plugin", "summary"]
    terminal.print_records(rows, columns, as_json=as_json)
