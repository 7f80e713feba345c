"""``aigc generate``: make content, and say what was made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigc_core.cli import completion, terminal
from aigc_core.cli.arguments import AllowPickle, Download, Json, PluginFiles
from aigc_core.cli.generation_report import Report, say_why
from aigc_core.cli.inputs import ends_of, input_of, like_of, prompt_of
from aigc_core.cli.outputs import Document, JsonLines, LiveTexts, Output, Rows, Shown
from aigc_core.cli.sheet_and_film import MOST_ON_SHEET, write_film, write_sheet
from aigc_core.cli.state import State
from aigc_core.errors import AigcError, UsageError

if TYPE_CHECKING:
    from aigc_core.content import Content
    from aigc_core.events import Event
    from aigc_core.pipeline import Pipeline, Plan


def generate(
    context: typer.Context,
    prompt: Annotated[
        str | None, typer.Argument(help="What to make, for models that take a prompt; - reads it from stdin.")
    ] = None,
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
        tuple[str, str] | None,
        typer.Option(
            "--interpolate",
            metavar="A B",
            help="Go from one seed to another, with a film of pictures; or from one text, or @FILE, to another.",
        ),
    ] = None,
    frames: Annotated[int | None, typer.Option("--frames", help="Of --interpolate.", show_default="16")] = None,
    like: Annotated[
        str | None,
        typer.Option(
            "--like",
            metavar="FILE|TEXT|@FILE",
            help="Make variations of a picture, or of a text itself or in a file, with a model that can encode.",
        ),
    ] = None,
    given: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="FILE|@FILE",
            help="What to make something of: a picture to write about, say.",
        ),
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
    grid: Annotated[bool, typer.Option("--grid", help="Write a contact sheet as well, of pictures.")] = False,
    stream: Annotated[
        bool,
        typer.Option("--stream", help="Print texts while they are written; with --json each event, a line each."),
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress bar, no preview.")] = False,
    download: Download = False,
    allow_pickle: AllowPickle = False,
    plugin: PluginFiles = None,
    as_json: Json = False,
) -> None:
    """Make content: pictures, texts, whatever the installed plugins can.

    Example: aigc generate -m digits-gan -n 16 --seed 7 --set label=7 --grid
    """
    from aigc_core.pipeline import Order, draw_seed, parse_assignments

    state = context.ensure_object(State)
    if metadata not in (None, "full", "params", "id", "none"):
        raise UsageError(f"--metadata {metadata!r} is not known", hint="one of: full, params, id, none")
    ends = ends_of(*interpolate) if interpolate else None
    _check_together(ends, n=n, seed=seed, frames=frames, like=like, strength=strength)
    options = parse_assignments([*(assignments or []), *([f"strength={strength}"] if strength is not None else [])])
    pipeline = state.pipeline(plugin or [], download=download, allow_pickle=allow_pickle)
    modality = modality or _modality_of(pipeline, model)
    _check_modality(modality, grid=grid, stream=stream and not as_json)
    order = Order(
        modality=modality,
        n=1 if n is None else n,
        seed=draw_seed() if seed is None else seed,
        interpolate=ends,
        frames=16 if frames is None else frames,
        prompt=prompt_of(prompt),
        inputs=_inputs(pipeline, modality, model, like, given),
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
    kind = _output(stream=stream, as_json=as_json)
    most = order.frames if interpolate else MOST_ON_SHEET if grid else kind.keep_pictures
    report = Report(plan, keep_pictures=most, keep_rows=kind.keep_rows)
    shown = kind(report, preview=not quiet)
    _warn(plan, stream=stream)
    with redirect_stdout(sys.stderr):  # a component that greets when it is made must not spoil --json either
        events = pipeline.stream(plan, output=folder, metadata=metadata, surface="cli", previews=stream)
    with closing(events):
        _follow(terminal.off_stdout(events), shown, progress=kind.talks and not (quiet or stream))
    if report.pictures and (grid or interpolate):
        report.sheet = write_sheet(report, folder, settings.labels, members=metadata in ("full", "id"))
    if report.pictures and interpolate:
        report.film = write_film(report, folder, settings.labels)
    shown.finish()
    if kind.talks:
        _sum_up(report, folder)
    raise typer.Exit(report.exit_code)


def _output(*, stream: bool, as_json: bool) -> type[Output]:
    """Return what stdout gets."""
    if stream:
        return JsonLines if as_json else LiveTexts
    if as_json:
        return Document
    return Shown if terminal.is_terminal() else Rows


def _check_together(ends: Any, **given: Any) -> None:
    """Raise UsageError for the first option that is given and means nothing beside the others."""
    if ends and given["n"] is not None:
        raise UsageError("--interpolate and -n exclude each other", hint="say how many frames: --frames 16")
    if ends and given["seed"] is not None and isinstance(ends[0], int):
        raise UsageError("--interpolate and --seed exclude each other", hint="it has two seeds already")
    if given["frames"] is not None and not ends:
        raise UsageError("--frames belongs to --interpolate", hint="give two seeds: --interpolate 3 9; or use -n")
    if given["strength"] is not None and given["like"] is None:
        raise UsageError("--strength belongs to --like", hint="name a picture: --like FILE")


def _check_modality(modality: str, *, grid: bool, stream: bool) -> None:
    """Raise UsageError for an option that means nothing to what is made."""
    if grid and modality == "text":
        raise UsageError("--grid is for pictures", hint="texts are shown one below the other")
    if stream and modality != "text":
        raise UsageError("--stream is for texts", hint="for events of any kind: --stream --json")


def _inputs(
    pipeline: Pipeline, modality: str, model: str | None, like: str | None, given: str | None
) -> dict[str, Content]:
    """Return what is given to work from, by the name it has in the generator's spec."""
    inputs = {} if given is None else {"input": input_of(given)}
    if like is not None:
        inputs["like"] = like_of(like, pipeline.planner.chooser.modality_of_input("like", modality, model))
    return inputs


def _warn(plan: Plan, *, stream: bool) -> None:
    """Say what one should know before anything is made."""
    from aigc_core.pipeline.streaming import whole_because

    for line in plan.misgivings:
        terminal.say(line)
    if stream and plan.order.modality == "text" and (reason := whole_because(plan)):
        terminal.say(f"texts come only when they are whole: {reason}")


def _follow(events: Iterator[Event], shown: Output, *, progress: bool) -> None:
    """Let the run happen; after Ctrl-C say how to go on."""
    from aigc_core.events import StepSkipped

    report = shown.report
    try:
        for event in _with_progress(events, report.plan.order.total) if progress else events:
            row = report.add(event)
            shown.tell(event, row)
            if row is not None:
                say_why(row)
            elif isinstance(event, StepSkipped):
                terminal.say(f"item {event.index}: step {event.step} skipped: {event.error}")
    except KeyboardInterrupt:
        shown.stop()
        terminal.say(report.way_on())
        raise
    except AigcError:
        shown.stop()
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


def _sum_up(report: Report, folder: Path) -> None:
    counts = report.counts
    told = [f"{counts['created']} made", *(f"{counts[key]} {key}" for key in ("blocked", "failed") if counts[key])]
    terminal.say(f"{', '.join(told)} with {report.plan.name} in {folder} (run {report.run})")
    if report.sheet:
        terminal.say(f"contact sheet: {report.sheet}")
    if report.film:
        terminal.say(f"film: {report.film}")
