"""What ``aigc generate`` tells of a run: row by row where it is piped, a table on a terminal, or one document."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.cli import terminal

if TYPE_CHECKING:
    from PIL.Image import Image

    from aigc_core.events import Event
    from aigc_core.pipeline import Plan


@dataclass(frozen=True, slots=True)
class Member:
    """A picture on a contact sheet: what stands under it, and what the sheet says of it."""

    caption: str
    described: dict[str, Any]


@dataclass
class Report:
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
    members: list[Member] = field(default_factory=list)
    sheet: Path | None = None
    film: Path | None = None
    counts: dict[str, int] = field(default_factory=lambda: {"created": 0, "blocked": 0, "failed": 0})

    @property
    def columns(self) -> list[str]:
        origin = "t" if self.plan.order.interpolate else "seed"
        return ["file", origin, *(["label"] if self.plan.takes_label else [])]

    @property
    def stem(self) -> str:
        """What the files that show the whole run are called, but for what they are."""
        seeds = self.plan.order.interpolate or (self.plan.order.seed,)
        return "-".join([self.plan.name.replace("/", "-"), *map(str, seeds)])

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
            terminal.print_row(self.cells(row))
        if len(self.pictures) < self.keep_pictures and not isinstance(artifact.content, str):
            self.pictures.append(artifact.content)
            origin = self._origin(artifact)
            caption = f"{origin['noise']['t']:.2f}" if "noise" in origin else str(artifact.seed)
            self.members.append(Member(caption, {"id": artifact.recipe_id, **origin}))

    def _not_made(self, outcome: Any, status: str, reason: str) -> None:
        row = self._row(outcome, status, reason=reason)
        if len(self.rows) < self.keep_rows:
            self.rows.append(row)
        which = f"frame {outcome.index}" if "noise" in row else f"item {outcome.index} (seed {outcome.seed})"
        terminal.say(f"{which} {status}: {reason}")

    def _row(self, outcome: Any, status: str, **more: Any) -> dict[str, Any]:
        self.counts[status] += 1
        return {"index": outcome.index, **self._origin(outcome), "status": status, **more}

    def _origin(self, outcome: Any) -> dict[str, Any]:
        """Return what the recipe says of an item's seed, or of its place between two."""
        source = self.plan.order.source(outcome.index)
        return {"seed": source} if isinstance(source, int) else {"noise": asdict(source)}

    def cells(self, row: dict[str, Any]) -> list[Any]:
        """Return what stands in a row of the table."""
        return [f"{row['noise']['t']:.4g}" if column == "t" else row[column] for column in self.columns]

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

    def as_json(self) -> dict[str, Any]:
        """Return the one document that ``--json`` prints."""
        order = self.plan.order
        head: dict[str, Any] = {"run": self.run, "modality": order.modality, "model": self.plan.name}
        files = {"sheet": str(self.sheet) if self.sheet else None}
        if order.interpolate:
            head["interpolate"] = list(order.interpolate)
            files["film"] = str(self.film) if self.film else None
        else:
            head["seed"] = order.seed
        return {**head, **self.counts, **files, "items": self.rows}
