"""``aigc generate``: make content, and say what was made."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigc_core.cli import completion, terminal
from aigc_core.cli.arguments import Json, PluginFiles
from aigc_core.cli.generation_report import Report
from aigc_core.cli.state import State
from aigc_core.errors import UsageError

if TYPE_CHECKING:
    from aigc_core.events import Event
    from aigc_core.pipeline import Pipeline

MOST_ON_SHEET = 400
MOST_SHOWN = 16  # rows of the table on a terminal


def generate(
    context: typer.Context,
    prompt: Annotated[str | None, typer.Argument(help="What to make, for models that take a prompt.")] = None,
    modality: Annotated[
        str | None,
        typer.Option("--modality", help="image, … ; may be left out with -m.", autocompletion=completion.modality),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "-m",
            "--model",
            metavar="MODEL|GENERATOR",
            help="A model's name or folder, or a generator that needs no weights.",
            autocompletion=completion.model_or_generator,
        ),
    ] = None,
    n: Annotated[int | None, typer.Option("-n", help="How many.", show_default="1")] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="Of item 0; item i has seed + i. Drawn and told if not given."),
    ] = None,
    interpolate: Annotated[
        tuple[int, int] | None,
        typer.Option("--interpolate", metavar="SEED SEED", help="Go from one seed to another; a film as well."),
    ] = None,
    frames: Annotated[int | None, typer.Option("--frames", help="Of --interpolate.", show_default="16")] = None,
    like: Annotated[
        Path | None,
        typer.Option("--like", metavar="FILE", help="Make variations of a picture, with a model that can encode."),
    ] = None,
    strength: Annotated[
        float | None,
        typer.Option("--strength", help="Of --like: 0 makes the picture again, 1 is as far as any two are apart."),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="DIR", help="Where files go.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An option of the generator. Repeatable."),
    ] = None,
    pre: Annotated[
        list[str] | None,
        typer.Option("--pre", metavar="STEP", help="A preprocessor.", autocompletion=completion.preprocessor),
    ] = None,
    post: Annotated[
        list[str] | None,
        typer.Option(
            "--post",
            metavar="STEP",
            help='A postprocessor, e.g. "resize size=128". Repeatable.',
            autocompletion=completion.postprocessor,
        ),
    ] = None,
    candidates: Annotated[int, typer.Option("--candidates", help="Make so many for each item; keep one.")] = 1,
    select: Annotated[
        str | None,
        typer.Option("--select", metavar="SELECTOR", help="Which one is kept.", autocompletion=completion.selector),
    ] = None,
    metadata: Annotated[
        str | None, typer.Option("--metadata", help="What files carry: full, params, id or none.")
    ] = None,
    grid: Annotated[bool, typer.Option("--grid", help="Write a contact sheet as well.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress bar, no preview.")] = False,
    plugin: PluginFiles = None,
    as_json: Json = False,
) -> None:
    """Make content: pictures, texts, whatever the installed plugins can.

    Example: aigc generate -m digits-gan -n 16 --seed 7 --set label=7 --grid
    """
    from aigc_core.pipeline import Order, draw_seed, parse_assignments
    from aigc_core.provenance import read_input

    state = context.ensure_object(State)
    if metadata not in (None, "full", "params", "id", "none"):
        raise UsageError(f"--metadata {metadata!r} is not known", hint="one of: full, params, id, none")
    _check_together(interpolate, n=n, seed=seed, frames=frames, like=like, strength=strength)
    options = parse_assignments([*(assignments or []), *([f"strength={strength}"] if strength is not None else [])])
    inputs = {"like": read_input(like)} if like else {}
    pipeline = state.pipeline(plugin or [])
    order = Order(
        modality=modality or _modality_of(pipeline, model),
        n=1 if n is None else n,
        seed=draw_seed() if seed is None else seed,
        interpolate=interpolate,
        frames=16 if frames is None else frames,
        prompt=prompt,
        inputs=inputs,
        model=model,
        options=options,
        pre=pre or (),
        post=post or (),
        candidates=candidates,
        select=select,
    )
    plan = pipeline.plan(order)
    settings = pipeline.settings.config.generate
    folder = (output or Path(settings.output)).expanduser()
    metadata = metadata or settings.metadata
    on_terminal = terminal.is_terminal()
    report = Report(
        plan,
        keep_pictures=order.frames if interpolate else MOST_ON_SHEET if grid else MOST_SHOWN if on_terminal else 0,
        keep_rows=math.inf if as_json else MOST_SHOWN if on_terminal else 0,
    )
    with redirect_stdout(sys.stderr):  # a component that greets when it is made must not spoil --json either
        stream = pipeline.stream(plan, output=folder, metadata=metadata, surface="cli")
    with closing(stream) as events:
        _listen(terminal.off_stdout(events), report, progress=not (quiet or as_json))
    if report.pictures and (grid or interpolate):
        report.sheet = _write_sheet(report, folder, settings.labels, members=metadata in ("full", "id"))
    if report.pictures and interpolate:
        report.film = _write_film(report, folder, settings.labels)
    if as_json:
        terminal.print_json(report.as_json())
    else:
        _show(report, folder, preview=not quiet)
    raise typer.Exit(report.exit_code)


def _check_together(interpolate: tuple[int, int] | None, **given: Any) -> None:
    """Raise UsageError for the first option that is given and means nothing beside the others."""
    if interpolate and given["n"] is not None:
        raise UsageError("--interpolate and -n exclude each other", hint="say how many frames: --frames 16")
    if interpolate and given["seed"] is not None:
        raise UsageError("--interpolate and --seed exclude each other", hint="it has two seeds already")
    if given["frames"] is not None and not interpolate:
        raise UsageError("--frames belongs to --interpolate", hint="give two seeds: --interpolate 3 9; or use -n")
    if given["strength"] is not None and given["like"] is None:
        raise UsageError("--strength belongs to --like", hint="name a picture: --like FILE")


def _listen(events: Iterator[Event], report: Report, *, progress: bool) -> None:
    """Let the run happen; after Ctrl-C say how to go on."""
    try:
        for event in _with_progress(events, report.plan.order.total) if progress else events:
            report.add(event)
    except KeyboardInterrupt:
        terminal.say(report.way_on())
        raise


def _modality_of(pipeline: Pipeline, model: str | None) -> str:
    if model is None:
        known = ", ".join(pipeline.registry.modalities) or "none is installed"
        raise UsageError("name a modality", hint=f"--modality image; there is: {known}")
    return pipeline.planner.modality_of(model)


def _with_progress(events: Iterator[Event], total: int) -> Iterator[Event]:
    """Pass `events` on, with a progress bar on stderr where a person is looking."""
    if not sys.stderr.isatty():
        yield from events
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from aigc_core.events import ArtifactBlocked, ArtifactCreated, ItemFailed

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("generating", total=total)
        for event in events:
            if isinstance(event, (ArtifactCreated, ArtifactBlocked, ItemFailed)):
                progress.advance(task)
            yield event


def _write_sheet(report: Report, folder: Path, labels: Sequence[str], *, members: bool) -> Path:
    from aigc_core.contact_sheet import contact_sheet
    from aigc_core.pipeline.output import OutputFolder
    from aigc_core.provenance import write_plain

    if report.counts["created"] > MOST_ON_SHEET:
        terminal.say(f"the contact sheet shows the first {MOST_ON_SHEET}")
    shown = report.pictures[:MOST_ON_SHEET]
    picture = contact_sheet(shown, [member.caption for member in report.members[:MOST_ON_SHEET]])
    named = [member.described for member in report.members[:MOST_ON_SHEET]] if members else ()
    with OutputFolder(folder).free_path(f"{report.stem}-grid", ".png") as path:
        return write_plain(picture, path, members=named, trained=report.plan.model is not None, labels=labels)


def _write_film(report: Report, folder: Path, labels: Sequence[str]) -> Path:
    from aigc_core.pipeline.output import OutputFolder
    from aigc_core.provenance import write_film

    with OutputFolder(folder).free_path(f"{report.stem}-film", ".gif") as path:
        return write_film(report.pictures, path, trained=report.plan.model is not None, labels=labels)


def _show(report: Report, folder: Path, *, preview: bool) -> None:
    counts = report.counts
    if report.keep_rows:
        if preview and report.pictures:
            terminal.print_pictures(report.pictures[:MOST_SHOWN])
        made = [row for row in report.rows if row["status"] == "created"]
        terminal.print_table(report.columns, [report.cells(row) for row in made])
        if counts["created"] > len(made):
            terminal.say(f"… and {counts['created'] - len(made):,} more")
    told = [f"{counts['created']} made", *(f"{counts[key]} {key}" for key in ("blocked", "failed") if counts[key])]
    terminal.say(f"{', '.join(told)} with {report.plan.name} in {folder} (run {report.run})")
    if report.sheet:
        terminal.say(f"contact sheet: {report.sheet}")
    if report.film:
        terminal.say(f"film: {report.film}")
