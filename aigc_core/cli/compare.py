"""``aigc compare``: models side by side, as a table and as a page."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aigc_core.cli import completion, terminal
from aigc_core.cli.arguments import Json, PluginFiles
from aigc_core.cli.evaluate import Data, Embedders, Metrics, Split, progress_of, spell
from aigc_core.cli.state import State

if TYPE_CHECKING:
    from aigc_core.evaluation.comparing import Comparison, Row


def compare(
    context: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="A B …",
            help="Names or folders of models, or files that aigc evaluate --out wrote.",
            autocompletion=completion.model,
        ),
    ],
    data: Data = None,
    n: Annotated[int | None, typer.Option("-n", help="Measure all anew, each by so many items.")] = None,
    metrics: Metrics = None,
    embedders: Embedders = None,
    split: Split = "test",
    seed: Annotated[int, typer.Option("--seed", help="Of the first sample, and of a new measurement.")] = 0,
    samples: Annotated[int, typer.Option("--samples", min=0, help="How many each model shows.")] = 36,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where the page goes.")] = Path(
        "aigc-compare.html"
    ),
    plugin: PluginFiles = None,
    as_json: Json = False,
) -> None:
    """Put models side by side. Numbers that were made with different settings are shown, and not ranked.

    Example: aigc compare digits-gan digits-vae --data mnist.npz
    """
    from aigc_core.evaluation.comparing import compare as put_side_by_side
    from aigc_core.evaluation.page import page
    from aigc_core.provenance import store

    pipeline = context.ensure_object(State).pipeline(plugin or [])
    with progress_of("sampling") as on_sample, redirect_stdout(sys.stderr):
        comparison = put_side_by_side(
            models,
            data,
            n=n,
            seed=seed,
            split=split,
            metrics=metrics or (),
            embedders=embedders or (),
            samples=samples,
            pipeline=pipeline,
            on_sample=on_sample,
        )
        store(output, page(comparison).encode())
    if as_json:
        terminal.print_json(comparison.as_json())
    else:
        _show(comparison)
    for row in comparison.rows:
        for setting, values in row.differing.items():
            terminal.say(f"{row.name} is not comparable: {setting} differs ({', '.join(map(str, values))})")
    terminal.say(f"side by side: {output}")
    if not comparison.comparable:
        terminal.say("nothing can be ranked (measure all alike: --data DATA)")
        raise typer.Exit(2)


def _show(comparison: Comparison) -> None:
    rows = [[row.name, *_cells(row), _verdict(comparison, row)] for row in comparison.rows]
    terminal.print_table(["metric", *comparison.models, "best"], rows)


def _cells(row: Row) -> list[str]:
    return [
        ""
        if each is None
        else f"{spell(each.value)} ({spell(each.interval.low)} … {spell(each.interval.high)})"
        if each.interval
        else spell(each.value)
        for each in row.measurements
    ]


def _verdict(comparison: Comparison, row: Row) -> str:
    """Say which model is best, or why nobody is."""
    if row.differing:
        return f"not comparable: {', '.join(row.differing)}"
    return " ≈ ".join(comparison.models[place] for place in row.leaders)
