"""``aigc plugins``: what is installed, and whether it holds what it declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigc_core.cli import completion, terminal
from aigc_core.cli.arguments import Json, PluginFiles
from aigc_core.cli.state import State
from aigc_core.errors import AigcError, unknown

if TYPE_CHECKING:
    from aigc_core.pipeline import Pipeline
    from aigc_core.registry import Plugin

app = typer.Typer(no_args_is_help=True, help="Plugins: list them, check them.")
KINDS = ("generators", "models", "preprocessors", "postprocessors", "selectors", "filters", "embedders", "metrics")


def _declared(pipeline: Pipeline, plugin: Plugin) -> dict[str, list[str]]:
    registry = pipeline.registry
    return {
        kind: names
        for kind in KINDS
        if (names := [name for name, entry in getattr(registry, kind).items() if entry.plugin is plugin])
    }


@app.command("list")
def list_plugins(context: typer.Context, plugin: PluginFiles = None, as_json: Json = False) -> None:
    """List plugins with what they declare; a broken one with the reason and the way out."""
    pipeline = context.ensure_object(State).pipeline(plugin or [])
    rows = [
        {
            "plugin": found.name,
            "version": found.version,
            "origin": found.origin,
            "source": found.source,
            "status": found.status,
            "declares": _declared(pipeline, found),
            "error": found.error,
            "mend": found.mend,
        }
        for found in pipeline.registry.plugins
    ]
    if as_json:
        terminal.print_json(rows)
        return
    spelt = [[row["plugin"], row["version"], row["origin"], row["status"], _spell(row)] for row in rows]
    terminal.print_table(["plugin", "version", "origin", "status", "declares"], spelt)


def _spell(row: dict[str, Any]) -> str:
    if row["error"]:
        return f"{row['error']} ({row['mend']})"
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in row["declares"].items())


@app.command("check")
def check(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Default: all.", autocompletion=completion.plugin)] = None,
    plugin: PluginFiles = None,
    as_json: Json = False,
) -> None:
    """Import everything that plugins declare, and verify their models. Exit code 4 if anything is wrong."""
    pipeline = context.ensure_object(State).pipeline(plugin or [])
    known = {found.name: found for found in pipeline.registry.plugins}
    for name in names or ():
        if name not in known:
            raise unknown("plugin", name, known, listing="aigc plugins list")
    rows: list[dict[str, Any]] = []
    for found in pipeline.registry.plugins:
        if found.status == "disabled" or (names and found.name not in names):
            continue
        problems = [found.error] if found.status == "broken" else list(_problems(pipeline, found))
        rows.append({"plugin": found.name, "version": found.version, "ok": not problems, "problems": problems})
    terminal.print_records(rows, ["plugin", "version", "ok", "problems"], as_json=as_json)
    raise typer.Exit(0 if all(row["ok"] for row in rows) else 4)


def _problems(pipeline: Pipeline, plugin: Plugin) -> Iterator[str]:
    """Yield what does not hold of what `plugin` declares."""
    registry = pipeline.registry
    for kind in KINDS:
        for entry in getattr(registry, kind).values():
            if entry.plugin is not plugin:
                continue
            try:
                if kind == "models":
                    pipeline.planner.models.find(entry.spec.name).verify()
                    if entry.spec.component not in registry.embedders:
                        registry.get("generator", entry.spec.component)
                for attribute in ("factory", "trainable", "step", "selector", "check", "window", "metric", "options"):
                    reference = getattr(entry.spec, attribute, None)
                    if isinstance(reference, int | None):  # a window may be a number
                        continue
                    if not callable(registry.resolve(reference, entry)):
                        yield f"{entry.spec.name}: {attribute} is not callable"
            except AigcError as error:
                yield f"{entry.spec.name}: {error}"
