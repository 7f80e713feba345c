"""``aigc models``: list, show and verify trained weights."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from aigc_core.cli import completion, terminal
from aigc_core.cli.arguments import Json, PluginFiles
from aigc_core.cli.state import State

app = typer.Typer(no_args_is_help=True, help="Trained weights: list, show, verify.")
Name = Annotated[str, typer.Argument(help="A model's name or folder.", autocompletion=completion.model)]


@app.command("list")
def list_models(context: typer.Context, plugin: PluginFiles = None, as_json: Json = False) -> None:
    """List all models: those that plugins bring, and your own."""
    pipeline = context.ensure_object(State).pipeline(plugin or [])
    rows: list[dict[str, Any]] = [
        {
            "model": name,
            "component": entry.spec.component,
            "default_for": sorted(_spell(key) for key in entry.spec.default_for),
            "licence": entry.spec.licence,
            "plugin": entry.plugin.name,
            "summary": entry.spec.summary,
        }
        for name, entry in pipeline.registry.models.items()
    ]
    rows += [
        {
            "model": name,
            "component": "",
            "default_for": [],
            "licence": "",
            "plugin": str(folder),
            "summary": "your own",
        }
        for name, folder in pipeline.planner.models.own()
        if name not in pipeline.registry.models  # a bundled model of that name is the one that is found
    ]
    columns = ["model", "component", "default_for", "licence", "plugin", "summary"]
    terminal.print_records(rows, columns, as_json=as_json)


def _spell(key: Any) -> str:
    given = "" if key.given == "nothing" else f" with {key.given}"
    return f"{key.modality}{given}{f' ({key.language})' if key.language else ''}"


@app.command("show")
def show(context: typer.Context, name: Name, plugin: PluginFiles = None, as_json: Json = False) -> None:
    """Show one model: what it was built with, its labels, its files and their hashes."""
    model = context.ensure_object(State).pipeline(plugin or []).planner.models.find(name)
    described = {
        "folder": str(model.folder),
        "sha256": model.sha256,
        **model.manifest.model_dump(mode="json"),
    }
    if as_json:
        terminal.print_json(described)
        return
    flat = [(key, value if not isinstance(value, (dict, list)) else _short(value)) for key, value in described.items()]
    terminal.print_table(["of", name], flat)
    card = model.folder / "README.md"
    if card.is_file():
        terminal.say(f"the model card: {card}")


def _short(value: dict[str, Any] | list[Any]) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={inner}" for key, inner in value.items())
    return ", ".join(str(inner) for inner in value)


@app.command("verify")
def verify(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Default: all.", autocompletion=completion.model)] = None,
    plugin: PluginFiles = None,
    as_json: Json = False,
) -> None:
    """Check every file of models against its sha256. Exit code 4 if one differs."""
    from aigc_core.errors import ModelError

    models = context.ensure_object(State).pipeline(plugin or []).planner.models
    rows = []
    for name in names or models.names():
        try:
            model = models.find(name)
            model.verify()
            rows.append({"model": name, "ok": True, "says": f"sha256 {model.sha256[:12]}…"})
        except ModelError as error:
            rows.append({"model": name, "ok": False, "says": str(error)})
    terminal.print_records(rows, ["model", "ok", "says"], as_json=as_json)
    raise typer.Exit(0 if all(row["ok"] for row in rows) else 4)
