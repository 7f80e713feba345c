"""``aigc generators``: the algorithms there are, and their options."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from aigc_core.cli import completion, terminal
from aigc_core.cli.arguments import Json, PluginFiles
from aigc_core.cli.state import State

app = typer.Typer(no_args_is_help=True, help="Algorithms that make content: list, show their options.")


@app.command("list")
def list_generators(context: typer.Context, plugin: PluginFiles = None, as_json: Json = False) -> None:
    """List all generators. Imports no torch."""
    registry = context.ensure_object(State).registry(plugin or [])
    rows: list[dict[str, Any]] = [
        {
            "generator": name,
            "modality": entry.spec.modality,
            "conditions": list(entry.spec.conditions),
            "needs_model": entry.spec.needs_model,
            "plugin": entry.plugin.name,
            "summary": entry.spec.summary,
        }
        for name, entry in registry.generators.items()
    ]
    columns = ["generator", "modality", "conditions", "needs_model", "plugin", "summary"]
    terminal.print_records(rows, columns, as_json=as_json)


@app.command("show")
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A generator.", autocompletion=completion.generator)],
    plugin: PluginFiles = None,
    as_json: Json = False,
) -> None:
    """Show what --set takes for one generator; with --json, its JSON Schema."""
    registry = context.ensure_object(State).registry(plugin or [])
    entry = registry.get("generator", name)
    cls = registry.resolve(entry.spec.options, entry) if entry.spec.options else None
    schema: dict[str, Any] = cls.model_json_schema() if cls else {"type": "object", "properties": {}}
    if "label" in entry.spec.conditions:
        schema["properties"]["label"] = {
            "type": "string",
            "description": "one of the model's labels, for models that have any; drawn at random if not given",
        }
    if as_json:
        described = {"name": name, "modality": entry.spec.modality, "conditions": list(entry.spec.conditions)}
        terminal.print_json({**described, "summary": entry.spec.summary, "schema": schema})
        return
    rows = [
        [option, _type(field), field.get("default"), _range(field), field.get("description", "")]
        for option, field in schema["properties"].items()
    ]
    terminal.print_table(
        ["--set", "type", "default", "range", "what it does"], rows, title=f"{name}: {entry.spec.summary}"
    )


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " | ".join(str(value) for value in field["enum"])
    if "anyOf" in field:
        return " | ".join(_type(part) for part in field["anyOf"] if part.get("type") != "null")
    return str(field.get("type", "object"))


def _range(field: dict[str, Any]) -> str:
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    parts = [field, *field.get("anyOf", [])]
    return " ".join(f"{sign} {part[key]:g}" for part in parts for key, sign in bounds.items() if key in part)
