"""``aigc train``: learn from one's own data, and end with a model that can be used at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigc_core.cli import completion, terminal
from aigc_core.cli.arguments import AllowPickle, Download, Json, PluginFiles
from aigc_core.cli.state import State
from aigc_core.errors import UsageError

if TYPE_CHECKING:
    from aigc_core.events import TrainingEvent


def train(
    context: typer.Context,
    component: Annotated[
        str, typer.Argument(help="What to train, e.g. image/gan.", autocompletion=completion.trainable)
    ],
    data: Annotated[
        Path,
        typer.Argument(
            help="A folder of pictures or text files, a ZIP or tar of one, a .parquet, .npz, .csv, .jsonl or .txt "
            "file, or a saved data set."
        ),
    ],
    more: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Further options, as after --set.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", help="How large: tiny, small or base.", show_default="small")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="NAME", help="Name of the model, or a folder.", show_default="after the data"),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An option of the component or of the training. Repeatable."),
    ] = None,
    pre: Annotated[
        list[str] | None,
        typer.Option(
            "--pre",
            metavar="STEP",
            help='Prepare each text with a preprocessor, e.g. "length min=10". Repeatable.',
            autocompletion=completion.preprocessor,
        ),
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="How long it may take in all.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="How many steps to take.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Drawn and told if not given.")] = None,
    size: Annotated[int | None, typer.Option("--size", help="Width and height of the pictures, in pixels.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted training.")] = False,
    base: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="MODEL", help="Start from a model.", autocompletion=completion.model_or_generator
        ),
    ] = None,
    freeze: Annotated[
        list[str] | None,
        typer.Option("--freeze", metavar="PATTERN", help="With --from: parameters that stay. Repeatable."),
    ] = None,
    rehearse: Annotated[
        float | None,
        typer.Option(
            "--rehearse", metavar="SHARE", help="With --from: share of the model's own pictures among the data."
        ),
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--license", metavar="SPDX", help="Licence of the data, for the model card.")
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option(
            "--condition",
            metavar="vector=MODEL",
            help="Tell each picture the vector of its caption, or each caption that of its picture.",
        ),
    ] = None,
    log: Annotated[
        list[str] | None, typer.Option("--log", metavar="TRACKER", help="Log there, too: tensorboard. Repeatable.")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress bar.")] = False,
    download: Download = False,
    allow_pickle: AllowPickle = False,
    plugin: PluginFiles = None,
    as_json: Json = False,
) -> None:
    """Train a model on your own data: look at it, say how long it takes, learn, watch, and write a report.

    Example: aigc train image/gan ./photos --preset tiny --minutes 10
    """
    from aigc_core.pipeline import parse_assignments
    from aigc_core.training.plan import TrainOrder, TrainPlanner
    from aigc_core.training.resume import plan_training
    from aigc_core.training.run import TrainingRun

    state = context.ensure_object(State)
    pipeline = state.pipeline(plugin or [], download=download, allow_pickle=allow_pickle)
    order = TrainOrder(
        component,
        data,
        name=out,
        preset=preset,
        options=parse_assignments([*(assignments or []), *_assignments(more or [])]),
        pre=tuple(pre or ()),
        steps=steps,
        minutes=minutes,
        seed=seed,
        size=size,
        base=base,
        freeze=tuple(freeze or ()),
        rehearse=rehearse,
        licence=licence,
        condition=condition,
        track=tuple(log or ()),
        resume=resume,
    )
    plan = plan_training(order, TrainPlanner(pipeline.registry, pipeline.settings.config))
    with redirect_stdout(sys.stderr):
        stream = TrainingRun(plan, pipeline).events()
    with closing(stream) as events:
        _listen(terminal.off_stdout(events), progress=not quiet, as_json=as_json)


def _assignments(words: list[str]) -> list[str]:
    """Return the words after the data. Raises UsageError for one that is no option."""
    for word in words:
        if "=" not in word:
            raise UsageError(f"unexpected word {word!r} after the data", hint="further words are options: KEY=VALUE")
    return words


def _listen(events: Iterator[TrainingEvent], *, progress: bool, as_json: bool) -> None:
    """Let the training happen; after Ctrl-C say how to go on."""
    from aigc_core.cli.training_progress import Progress
    from aigc_core.events import TrainingFinished

    speaks = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started, the first
    with Progress(shown=progress and sys.stderr.isatty()) as shown:
        try:
            for event in events:
                if speaks:
                    shown.tell(event)
                if isinstance(event, TrainingFinished):
                    _show(event, as_json=as_json)
        except KeyboardInterrupt:
            shown.stop()
            terminal.say("interrupted; a checkpoint is written. Go on with the same command and --resume")
            raise typer.Exit(130) from None


def _show(event: Any, *, as_json: bool) -> None:
    if as_json:
        terminal.print_json(
            {
                "model": event.training,
                "folder": str(event.folder),
                "report": str(event.folder / "report.html"),
                "steps": event.steps,
                "seconds": round(event.seconds, 1),
                "stopped": event.stopped,
                "use": event.command,
            }
        )
        return
    terminal.print_line(str(event.folder))
