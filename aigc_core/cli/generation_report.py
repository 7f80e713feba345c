"""What ``aigc generate`` knows of a run: a row an item, counts, the pictures to show."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.cli import terminal

if TYPE_CHECKING:
    from PIL.Image import Image

    from aigc_core.events import Event
    from aigc_core.pipeline import Plan

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Member:
    """A picture on a contact sheet: what stands under it, and what the sheet says of it."""

    caption: str
    described: dict[str, Any]


@dataclass
class Report:
    """A row for each item that is settled, as far as they are kept, and what comes of the run.

    Attributes:
        keep_pictures, keep_rows: how many are kept; all are counted.
        sheet, film: where they were written, once they are.
    """

    plan: Plan
    keep_pictures: int
    keep_rows: float
    run: str = ""
    rows: list[Row] = field(default_factory=list)
    pictures: list[Image] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    sheet: Path | None = None
    film: Path | None = None
    counts: dict[str, int] = field(default_factory=lambda: {"created": 0, "blocked": 0, "failed": 0})

    @property
    def columns(self) -> list[str]:
        """The columns of the table; of a text, the text itself is the last."""
        origin = "t" if self.plan.order.interpolate else "seed"
        label = ["label"] if self.plan.takes_label else []
        return ["file", origin, *label, *(["text"] if self.plan.order.modality == "text" else [])]

    @property
    def stem(self) -> str:
        """What the files that show the whole run are called, but for what they are."""
        seeds = self.plan.order.ends or (self.plan.order.seed,)
        return "-".join([self.plan.name.replace("/", "-"), *map(str, seeds)])

    def add(self, event: Event) -> Row | None:
        """Take an event; return the row of the item that it settles, or None."""
        from aigc_core import events

        match event:
            case events.RunStarted():
                self.run = event.run
            case events.ArtifactCreated():
                return self._created(event)
            case events.ArtifactBlocked(blocked=blocked):
                return self._row(blocked, "blocked", reason="; ".join(blocked.verdict.reasons))
            case events.ItemFailed(failed=failed):
                return self._row(failed, "failed", reason=failed.error)
        return None

    def _created(self, event: Any) -> Row:
        artifact = event.artifact
        about: Row = {"file": str(event.path)}
        if self.plan.takes_label:
            about["label"] = artifact.recipe["condition"]["value"]
        if isinstance(artifact.content, str):
            about["text"] = artifact.content
        row = self._row(artifact, "created", **about, recipe=artifact.recipe_id, digest=artifact.digest)
        if len(self.pictures) < self.keep_pictures and "text" not in about:
            self.pictures.append(artifact.content)
            origin: Row = {key: row[key] for key in ("seed", "noise") if key in row}
            self.members.append(Member(place_of(row, ".2f"), {"id": artifact.recipe_id, **origin}))
        return row

    def _row(self, outcome: Any, status: str, **about: Any) -> Row:
        self.counts[status] += 1
        row = {"index": outcome.index, **self.origin(outcome.index), "status": status, **about}
        if len(self.rows) < self.keep_rows:
            self.rows.append(row)
        return row

    def origin(self, index: int) -> Row:
        """Return what the recipe says of an item's seed, or of its place between two of something."""
        source, between = self.plan.order.source(index), self.plan.order.between(index)
        place = {} if between is None else {"between": between}
        return {"seed": source, **place} if isinstance(source, int) else {"noise": asdict(source)}

    def cells(self, row: Row) -> list[Any]:
        """Return what stands in a row of the table."""
        return [place_of(row) if column in ("seed", "t") else row[column] for column in self.columns]

    @property
    def exit_code(self) -> int:
        """3 when moderation blocked anything, 5 when some items failed, 1 when all did."""
        if self.counts["failed"]:
            return 5 if self.counts["created"] or self.counts["blocked"] else 1
        return 3 if self.counts["blocked"] else 0

    def way_on(self) -> str:
        """Say how to go on after an interruption."""
        order, done = self.plan.order, sum(self.counts.values())
        if order.interpolate:
            return f"interrupted: {done} of {order.total} frames done; give the same command again for all of them"
        return (
            f"interrupted: {done} of {order.n} done; go on with the same command and "
            f"--seed {order.seed + done} -n {order.n - done}"
        )

    def summary(self) -> Row:
        """Return what there is to say of the run as a whole, as JSON."""
        order = self.plan.order
        head: Row = {"run": self.run, "modality": order.modality, "model": self.plan.name}
        files = {"sheet": str(self.sheet) if self.sheet else None}
        if order.interpolate:
            head["interpolate"] = list(order.ends or (None, None))
            files["film"] = str(self.film) if self.film else None
        if not order.ends:
            head["seed"] = order.seed
        return {**head, **self.counts, **files}

    def as_json(self) -> Row:
        """Return the one document that ``--json`` prints."""
        return {**self.summary(), "items": self.rows}


def place_of(row: Row, spelt: str = ".4g") -> str:
    """Return an item's seed, or its place between two of something, as it is shown."""
    between = row["noise"]["t"] if "noise" in row else row.get("between")
    return str(row["seed"]) if between is None else format(between, spelt)


def say_why(row: Row) -> None:
    """Say why an item was not made."""
    if row["status"] == "created":
        return
    between = "noise" in row or "between" in row
    which = f"frame {row['index']}" if between else f"item {row['index']} (seed {row['seed']})"
    terminal.say(f"{which} {row['status']}: {row['reason']}")
