"""What stdout gets of a run: a document, rows, lines of JSON, texts while they are written, or something to look at."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, ClassVar

from aigc_core import events
from aigc_core.cli import terminal
from aigc_core.cli.generation_report import Report, Row, place_of

MOST_SHOWN = 16  # items that are shown on a terminal


class Output:
    """Follows a run.

    Attributes:
        keep_rows, keep_pictures: how many the report keeps for the end.
        talks: a progress bar and a last line go to stderr; whoever reads lines or documents has it all there.
    """

    keep_rows: ClassVar[float] = 0
    keep_pictures: ClassVar[int] = 0
    talks: ClassVar[bool] = True

    def __init__(self, report: Report, *, preview: bool = True) -> None:
        self.report = report
        self.preview = preview

    def tell(self, event: events.Event, row: Row | None) -> None:
        """Take an event, with the row of the item that it settles, if it settles one."""

    def finish(self) -> None:
        """Take the end of the run."""

    def stop(self) -> None:
        """Take the end of a run that did not get there: an error, or Ctrl-C."""


class Document(Output):
    """One JSON document, when all is done."""

    keep_rows = math.inf
    talks = False

    def finish(self) -> None:
        terminal.print_json(self.report.as_json())


class Rows(Output):
    """A table, row by row as items are made; nothing is kept, so there may be millions."""

    def tell(self, event: events.Event, row: Row | None) -> None:
        if isinstance(event, events.RunStarted):
            terminal.print_row(self.report.columns)
        elif isinstance(event, events.ArtifactCreated) and row:
            terminal.print_row(self.report.cells(row))


class Shown(Output):
    """For a person who is looking: pictures and a table of them, or the texts; the first ones, when all is done."""

    keep_rows = MOST_SHOWN
    keep_pictures = MOST_SHOWN

    def finish(self) -> None:
        made = [row for row in self.report.rows if row["status"] == "created"]
        if self.preview and self.report.plan.order.modality == "text":
            self._texts(made)
        else:
            if self.preview and self.report.pictures:
                terminal.print_pictures(self.report.pictures[:MOST_SHOWN])
            columns = [column for column in self.report.columns if column != "text"]
            terminal.print_table(columns, [self.report.cells(row)[: len(columns)] for row in made])
        if (created := self.report.counts["created"]) > len(made):
            terminal.say(f"… and {created - len(made):,} more")

    def _texts(self, made: list[Row]) -> None:
        if self.report.plan.order.interpolate:
            terminal.print_table(["t", "text"], [[place_of(row), row["text"]] for row in made])
            return
        for row in made:
            terminal.print_heading(f"{row['file']} · seed {row['seed']}")
            terminal.write(f"{row['text'].rstrip()}\n\n")


class JsonLines(Output):
    """One JSON object a line for each event, at once.

    ``started`` · ``text``: what an unfinished text grew by (``delta``) · ``created``, ``blocked``, ``failed``: an item
    as in the document of ``--json`` · ``skipped``: a step that was left out · ``finished``: counts and files. A run
    whose last line is not ``finished`` did not get there.
    """

    talks = False

    def __init__(self, report: Report, *, preview: bool = True) -> None:
        super().__init__(report, preview=preview)
        self._told: dict[int, int] = {}  # item → characters of its text

    def tell(self, event: events.Event, row: Row | None) -> None:
        match event:
            case events.RunStarted():
                self._print("started", **asdict(event))
            case events.PreviewMade(index=index, content=str() as text):
                self._print("text", index=index, delta=text[self._told.get(index, 0) :])
                self._told[index] = len(text)
            case events.StepSkipped(index=index, step=step, error=error):
                self._print("skipped", index=index, step=step, error=error)
        if row is not None:
            self._told.pop(row["index"], None)
            self._print(row["status"], **{key: value for key, value in row.items() if key != "status"})

    def finish(self) -> None:
        self._print("finished", **self.report.summary())

    @staticmethod
    def _print(name: str, **about: Any) -> None:
        terminal.print_json_line({"event": name, **about})


class LiveTexts(Output):
    """Texts item by item: the one whose turn it is while it is written, the next ones when they are whole.

    Each ends with a line end, and a blank line is between two. A person who is looking sees above each of several
    which one it is.
    """

    def __init__(self, report: Report, *, preview: bool = True) -> None:
        super().__init__(report, preview=preview)
        self._headed = terminal.is_terminal() and report.plan.order.total > 1
        self._turn = 0
        self._printed: str | None = None  # of the text whose turn it is; None: nothing, not even what stands above it
        self._texts = 0
        self._growing: dict[int, str] = {}
        self._settled: dict[int, Row] = {}

    def tell(self, event: events.Event, row: Row | None) -> None:
        if isinstance(event, events.PreviewMade) and isinstance(event.content, str):
            self._growing[event.index] = event.content
            if event.index == self._turn:
                self._print(event.content)
        if row is not None:
            self._settled[row["index"]] = row
        while self._turn in self._settled:
            self._end(self._settled.pop(self._turn))
            self._turn += 1
            if self._turn in self._growing:
                self._print(self._growing[self._turn])

    def stop(self) -> None:
        if self._printed and not self._printed.endswith("\n"):
            terminal.write("\n")

    def _print(self, text: str) -> None:
        """Print what `text` has more than what is printed of it."""
        if self._printed is None:
            self._begin()
        terminal.write(text[len(self._printed or "") :])
        self._printed = text

    def _begin(self) -> None:
        if self._texts:
            terminal.write("\n")
        if self._headed:
            name = "t" if self.report.plan.order.interpolate else "seed"
            terminal.print_heading(f"{name} {place_of(self.report.origin(self._turn))}")
        self._texts += 1

    def _end(self, row: Row) -> None:
        self._growing.pop(self._turn, None)
        if row["status"] == "created":
            self._print(row["text"])
        if self._printed is not None:
            if not self._printed.endswith("\n"):
                terminal.write("\n")
            if row["status"] != "created":
                terminal.say(f"what was shown of item {row['index']} is not kept")
        self._printed = None
