"""``aigc evaluate``: numbers about a model, with all that they depend on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigc_core.cli import completion, terminal
from aigc_core.cli.arguments import AllowPickle, Download, Json, PluginFiles
from aigc_core.cli.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aigc_core.evaluation import Evaluation, Measurement
    from aigc_core.pipeline import Pipeline

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DATA", help="Real examples: a folder, an archive, whatever aigc train takes."),
]
Metrics = Annotated[
    list[str] | None,
    typer.Option("--metric", metavar="METRIC", help='E.g. "kid subsets=50". Repeatable. Default: all that can be had.'),
]
Embedders = Annotated[
    list[str] | None,
    typer.Option("--embedder", metavar="EMBEDDER", help="What to look through, e.g. digits-cnn. Repeatable."),
]
Split = Annotated[
    str, typer.Option("--split", help="Part of the data to hold the model against: train, validation or test.")
]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the generator. Repeatable.")
]


def evaluate(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A model's name or folder.", autocompletion=completion.model)],
    data: Data = None,
    n: Annotated[int, typer.Option("-n", help="How many items the model makes.")] = 10_000,
    metrics: Metrics = None,
    embedders: Embedders = None,
    split: Split = "test",
    seed: Annotated[int, typer.Option("--seed", help="Of item 0; item i has seed + i.")] = 0,
    assignments: Assignments = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the numbers there, too.")] = None,
    download: Download = False,
    allow_pickle: AllowPickle = False,
    plugin: PluginFiles = None,
    as_json: Json = False,
) -> None:
    """Measure a model, and write the numbers into its folder.

    Example: aigc evaluate digits-gan --data mnist.npz -n 10000
    """
    from aigc_core.evaluation import evaluate as measure
    from aigc_core.evaluation.store import write_evaluation
    from aigc_core.pipeline import parse_assignments

    pipeline = context.ensure_object(State).pipeline(plugin or [], download=download, allow_pickle=allow_pickle)
    with progress_of(f"sampling {model}") as on_sample, redirect_stdout(sys.stderr):
        evaluation = measure(
            model,
            data,
            n=n,
            seed=seed,
            split=split,
            metrics=metrics or (),
            embedders=embedders or (),
            options=parse_assignments(assignments or []),
            pipeline=pipeline,
            on_sample=on_sample,
        )
    if as_json:
        terminal.print_json(evaluation.model_dump(mode="json"))
    else:
        terminal.print_table(["metric", "value", "95 %", "real", "n"], [row(each) for each in evaluation.measurements])
    tell(evaluation)
    if out is not None:
        terminal.say(f"numbers: {write_evaluation(evaluation, out)}")
    _keep(pipeline, model, evaluation, elsewhere=out is not None)


def row(measurement: Measurement) -> list[str]:
    """Return a measurement as the cells of a table."""
    interval, floor = measurement.interval, measurement.floor
    return [
        measurement.name,
        spell(measurement.value),
        f"{spell(interval.low)} … {spell(interval.high)}" if interval else "",
        spell(floor.value) if floor else "",
        str(measurement.n),
    ]


def spell(number: float) -> str:
    """Return a number as people read it: four digits, and no more than there is to say."""
    return f"{number:.4g}" if abs(number) < 1e4 else f"{number:,.0f}"


def tell(evaluation: Evaluation) -> None:
    """Say what was looked through and why, what real examples there were, and what was left out."""
    for name, why in evaluation.embedders.items():
        if why != "asked for":
            terminal.say(f"looked through {name}: {why}")
    for source in _once(each.reference for each in evaluation.measurements):
        terminal.say(f"held against the {source.split} part: {source.n:,} examples, sha256 {source.sha256[:12]}…")
    for source in _once(each.floor.source for each in evaluation.measurements if each.floor):
        terminal.say(f"the column real has the {source.split} part in the place of what the model makes")
    reasons: dict[str, list[str]] = {}
    for left in evaluation.left_out:
        reasons.setdefault(left.reason, []).append(left.metric)
    for reason, metrics in reasons.items():
        terminal.say(f"left out: {', '.join(metrics)}: {reason}")


def _once(sources: Iterable[Any]) -> list[Any]:
    found = {source.sha256: source for source in sources if source is not None}
    return list(found.values())


def _keep(pipeline: Pipeline, name: str, evaluation: Evaluation, *, elsewhere: bool) -> None:
    """Put the numbers into the model folder, unless it is somebody else's or there is none."""
    from aigc_core.evaluation.store import store_evaluation

    if not evaluation.model.sha256:
        return
    model = pipeline.planner.models.find(name)
    if model.spec is None and not model.adopted:
        terminal.say(f"numbers: {store_evaluation(model.folder, evaluation)}")
    elif not elsewhere:
        whose = "comes with a plugin" if model.spec else "was made elsewhere"
        terminal.say(f"{name} {whose} and stays as it is; to keep the numbers: --out FILE")


@contextmanager
def progress_of(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show a progress bar on stderr where a person is looking."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
