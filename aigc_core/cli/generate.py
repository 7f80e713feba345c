"""``aigc generate``: make content, and say what was made."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigc_core.cli import completion, terminal
from aigc_core.cli.arguments import Json, PluginFiles
from aigc_core.cli.state import State
from aigc_core.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

    from aigc_core.events import Event
    from aigc_core.pipeline import Pipeline, Plan

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
    n: Annotated[int, typer.Option("-n", help="How many.")] = 1,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="Of item 0; item i has seed + i. Drawn and told if not given."),
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

    Example: aigc generate --modality image -n 16 --seed 7 --set label=7 --grid
    """
    from aigc_core.pipeline import Order, draw_seed, parse_assignments

    state = context.ensure_object(State)
    if metadata not in (None, "full", "params", "id", "none"):
        raise UsageError(f"--metadata {metadata!r} is not known", hint="one of: full, params, id, none")
    pipeline = state.pipeline(plugin or [])
    order = Order(
        modality=modality or _modality_of(pipeline, model),
        n=n,
        seed=draw_seed() if seed is None else seed,
        prompt=prompt,
        model=model,
        options=parse_assignments(assignments or []),
        pre=pre or (),
        post=post or (),
        candidates=candidates,
        select=select,
    )
    plan = pipeline.plan(order)
    settings = pipeline.settings.config.generate
    folder = (output or Path(settings.output)).expanduser()
    metadata = metadata or settings.metadata
    report = _Report(
        plan,
        keep_pictures=MOST_ON_SHEET if grid else MOST_SHOWN if terminal.is_terminal() else 0,
        keep_rows=math.inf if as_json else MOST_SHOWN if terminal.is_terminal() else 0,
    )
    with redirect_stdout(sys.stderr):  # a component that greets when it is made must not spoil --json either
        stream = pipeline.stream(plan, output=folder, metadata=metadata, surface="cli")
    with closing(stream) as events:
        _listen(terminal.off_stdout(events), report, progress=not (quiet or as_json))
    members = metadata in ("full", "id")
    sheet = _write_sheet(report, folder, settings.labels, members=members) if grid and report.pictures else None
    if as_json:
        terminal.print_json(report.as_json(sheet))
    else:
        _show(report, folder, sheet, preview=not quiet)
    raise typer.Exit(report.exit_code)


def _listen(events: Iterator[Event], report: _Report, *, progress: bool) -> None:
    """Let the run happen; after Ctrl-C say how to go on."""
    try:
        for event in _with_progress(events, report.plan.order.n) if progress else events:
            report.add(event)
    except KeyboardInterrupt:
        terminal.say(report.way_on())
        raise


def _modality_of(pipeline: Pipeline, model: str | None) -> str:
    if model is None:
        known = ", ".join(pipeline.registry.modalities) or "none is installed"
        raise UsageError("name a modality", hint=f"--modality image; there is: {known}")
    return pipeline.planner.modality_of(model)


@dataclass
class _Report:
    """What is told of a run.

    Piped, every row is printed as it is made and forgotten; on a terminal the first few are kept for the table;
    for JSON all are.
    """

    plan: Plan
    keep_pictures: int
    keep_rows: float
    run: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[Image] = field(default_factory=list)
    members: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"created": 0, "blocked": 0, "failed": 0})

    @property
    def columns(self) -> list[str]:
        return ["file", "seed", *(["label"] if self.plan.takes_label else [])]

    def add(self, event: Event) -> None:
        from aigc_core import events

        if isinstance(event, events.RunStarted):
            self.run = event.run
            if not self.keep_rows:
                terminal.print_row(self.columns)
        elif isinstance(event, events.ArtifactCreated):
            self._created(event)
        elif isinstance(event, events.ArtifactBlocked):
            self._not_made(event.blocked, "blocked", "; ".join(event.blocked.verdict.reasons))
        elif isinstance(event, events.ItemFailed):
            self._not_made(event.failed, "failed", event.failed.error)
        elif isinstance(event, events.StepSkipped):
            terminal.say(f"item {event.index}: step {event.step} skipped: {event.error}")

    def _created(self, event: Any) -> None:
        artifact = event.artifact
        label = {"label": artifact.recipe["condition"]["value"]} if self.plan.takes_label else {}
        row = self._row(artifact, "created", file=str(event.path), **label)
        if len(self.rows) < self.keep_rows:
            self.rows.append({**row, "recipe": artifact.recipe_id, "digest": artifact.digest})
        if not self.keep_rows:
            terminal.print_row([row[column] for column in self.columns])
        if len(self.pictures) < self.keep_pictures and not isinstance(artifact.content, str):
            self.pictures.append(artifact.content)
            self.members.append({"id": artifact.recipe_id, "seed": artifact.seed})

    def _not_made(self, outcome: Any, status: str, reason: str) -> None:
        row = self._row(outcome, status, reason=reason)
        if len(self.rows) < self.keep_rows:
            self.rows.append(row)
        terminal.say(f"item {outcome.index} (seed {outcome.seed}) {status}: {reason}")

    def _row(self, outcome: Any, status: str, **more: Any) -> dict[str, Any]:
        self.counts[status] += 1
        return {"index": outcome.index, "seed": outcome.seed, "status": status, **more}

    @property
    def exit_code(self) -> int:
        """3 when moderation blocked anything, 5 when some items failed, 1 when all did."""
        if self.counts["failed"]:
            return 5 if self.counts["created"] or self.counts["blocked"] else 1
        return 3 if self.counts["blocked"] else 0

    def way_on(self) -> str:
        """Say how to go on after an interruption."""
        order, done = self.plan.order, sum(self.counts.values())
        return (
            f"interrupted: {done} of {order.n} done; go on with the same command and "
            f"--seed {order.seed + done} -n {order.n - done}"
        )

    def as_json(self, sheet: Path | None) -> dict[str, Any]:
        order = self.plan.order
        head = {"run": self.run, "modality": order.modality, "model": self.plan.name, "seed": order.seed}
        return {**head, **self.counts, "sheet": str(sheet) if sheet else None, "items": self.rows}


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


def _write_sheet(report: _Report, folder: Path, labels: Sequence[str], *, members: bool) -> Path:
    from aigc_core.contact_sheet import contact_sheet
    from aigc_core.pipeline.output import OutputFolder
    from aigc_core.provenance import write_plain

    if report.counts["created"] > len(report.pictures):
        terminal.say(f"the contact sheet shows the first {len(report.pictures)}")
    picture = contact_sheet(report.pictures, [str(member["seed"]) for member in report.members])
    stem = f"{report.plan.name.replace('/', '-')}-{report.plan.order.seed}-grid"
    named = report.members if members else ()
    with OutputFolder(folder).free_path(stem, picture) as path:
        return write_plain(picture, path, members=named, trained=report.plan.model is not None, labels=labels)


def _show(report: _Report, folder: Path, sheet: Path | None, *, preview: bool) -> None:
    counts = report.counts
    if report.keep_rows:
        if preview and report.pictures:
            terminal.print_pictures(report.pictures[:MOST_SHOWN])
        made = [row for row in report.rows if row["status"] == "created"]
        terminal.print_table(report.columns, [[row[column] for column in report.columns] for row in made])
        if counts["created"] > len(made):
            terminal.say(f"… and {counts['created'] - len(made):,} more")
    told = [f"{counts['created']} made", *(f"{counts[key]} {key}" for key in ("blocked", "failed") if counts[key])]
    terminal.say(f"{', '.join(told)} with {report.plan.name} in {folder} (run {report.run})")
    if sheet:
        terminal.say(f"contact sheet: {sheet}")
