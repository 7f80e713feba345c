"""The Typer app: global options, and which file holds which command. Imports nothing heavy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from aigc_core.cli import (
    compare,
    config,
    doctor,
    embed,
    evaluate,
    filters,
    generate,
    generators,
    inspect,
    models,
    plugins,
    replay,
    runs,
    search,
    train,
)
from aigc_core.cli.state import State
from aigc_core.version import __version__

app = typer.Typer(
    name="aigc",
    help="Train, generate, moderate, evaluate and prove AI-generated content, with every part a plugin.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Boxes are for people: piped help is plain text, and costs no import of rich.
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"aigc {__version__}")
        raise typer.Exit


@app.callback()
def aigc(
    context: typer.Context,
    select: Annotated[
        list[str] | None, typer.Option("-p", metavar="no:NAME", help="Leave a plugin out. Repeatable.")
    ] = None,
    plugin: Annotated[
        list[Path] | None,
        typer.Option("--plugin", metavar="FILE", help="Load a one-file plugin. Repeatable."),
    ] = None,
    safe: Annotated[bool, typer.Option("--safe", help="Load nothing but the built-in plugins.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hold the global options for the command."""
    state = context.ensure_object(State)
    state.debug, state.safe, state.plugins = debug, safe, plugin or []
    state.select_plugins(select or [])


app.command("generate")(generate.generate)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("embed")(embed.embed)
app.command("search")(search.search)
app.command("inspect")(inspect.inspect)
app.command("replay")(replay.replay)
app.command("doctor")(doctor.doctor)
app.add_typer(models.app, name="models")
app.add_typer(generators.app, name="generators")
app.add_typer(plugins.app, name="plugins")
app.add_typer(filters.app, name="filters")
app.add_typer(runs.app, name="runs")
app.add_typer(config.app, name="config")
