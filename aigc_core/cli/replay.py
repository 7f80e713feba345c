"""``aigc replay``: make it again from its recipe, and compare."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from aigc_core.cli import completion, terminal
from aigc_core.cli.arguments import Json, PluginFiles
from aigc_core.cli.state import State


def replay(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A picture or text that aigc made.")],
    model: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--model",
            help="The model, where it has another name here.",
            autocompletion=completion.model,
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="FILE|TEXT", help="What the item was made from. Repeatable."),
    ] = None,
    plugin: PluginFiles = None,
    as_json: Json = False,
) -> None:
    """Say IDENTICAL, EQUIVALENT or DIFFERENT, and why. Exit code 6 if different."""
    from aigc_core.replay import Answer, replay_file

    pipeline = context.ensure_object(State).pipeline(plugin or [])
    with redirect_stdout(sys.stderr):  # a plugin that prints must not spoil --json
        result = replay_file(file, pipeline=pipeline, model=model, inputs=inputs or [])
    if as_json:
        terminal.print_json(
            {
                "file": str(file),
                "answer": result.answer,
                "reasons": list(result.reasons),
                "recipe_id": result.recipe_id,
            }
        )
    else:
        terminal.print_line(str(result.answer))
        for reason in result.reasons:
            terminal.say(reason)
    raise typer.Exit(6 if result.answer is Answer.DIFFERENT else 0)
