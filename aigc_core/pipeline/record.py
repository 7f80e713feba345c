"""Storing what a run made, writing it into the ledger, and telling those who watch."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from time import monotonic

from aigc_core.content import Artifact, Blocked, Outcome, own
from aigc_core.events import (
    ArtifactBlocked,
    ArtifactCreated,
    Event,
    ItemFailed,
    RunFailed,
    RunFinished,
    RunStarted,
)
from aigc_core.pipeline.output import OutputFolder
from aigc_core.pipeline.plan import Plan
from aigc_core.registry import Registry
from aigc_core.runs import ItemRow, Ledger

#: Seconds that items may wait for their rows in the ledger: a transaction for each would cost more than the rest.
FLUSH_AFTER = 0.2

_HOOKS = {
    RunStarted: "aigc_run_started",
    ArtifactCreated: "aigc_artifact_created",
    ArtifactBlocked: "aigc_artifact_blocked",
    RunFinished: "aigc_run_finished",
    RunFailed: "aigc_run_failed",
}


class Record:
    """The trace that one run leaves: files, ledger rows and events told to plugins."""

    def __init__(
        self, plan: Plan, registry: Registry, ledger: Ledger, output: OutputFolder | None, surface: str
    ) -> None:
        self._plan = plan
        self._registry = registry
        self._ledger = ledger
        self._output = output
        self._surface = surface
        self._rows: list[ItemRow] = []
        self._flushed = monotonic()
        self._counts = {"created": 0, "blocked": 0, "failed": 0}
        self.run = ""

    def start(self) -> Event:
        """Open the ledger's row of the run."""
        order = self._plan.order
        self.run = self._ledger.start(
            surface=self._surface,
            modality=order.modality,
            model=self._plan.name,
            seed=order.first_seed,
            total=order.total,
            output=str(self._output.resolved) if self._output else None,
        )
        return self.tell(RunStarted(self.run, order.modality, self._plan.name, order.first_seed, order.total))

    def settle(self, outcome: Outcome) -> Event:
        """Store an item's outcome, note its row, and tell those who watch."""
        event: Event
        if isinstance(outcome, Artifact):
            path = self._output.store(outcome, self._plan.stem(outcome.index)) if self._output else None
            self._note(outcome, "created", recipe_id=outcome.recipe_id, digest=outcome.digest, path=path)
            event = ArtifactCreated(self.run, outcome, path)
        elif isinstance(outcome, Blocked):
            self._note(outcome, "blocked", reason=outcome.verdict.cause)
            event = ArtifactBlocked(self.run, outcome)
        else:
            self._note(outcome, "failed", reason=outcome.error)
            event = ItemFailed(self.run, outcome)
        return self.tell(event)

    def finish(self) -> Event:
        """Close the ledger's row: all items are done."""
        self._flush()
        self._ledger.finish(self.run, "finished")
        return self.tell(RunFinished(self.run, **self._counts))

    def fail(self, error: BaseException) -> None:
        """Close the ledger's row early. Not an Exception: Ctrl-C, or a consumer that stopped listening."""
        self._flush()
        interrupted = not isinstance(error, Exception)
        message = "interrupted" if interrupted else str(error)
        self._ledger.finish(self.run, "interrupted" if interrupted else "failed", error=message)
        self.tell(RunFailed(self.run, message, interrupted, self._counts["created"]))

    def tell(self, event: Event) -> Event:
        """Tell the plugins that watch, and give the event back."""
        hook = _HOOKS.get(type(event))
        if hook and self._registry.watches(hook):
            self._registry.notify(hook, _own_event(event))
        return event

    def _note(self, outcome: Outcome, status: str, *, path: Path | None = None, **columns: str | None) -> None:
        self._counts[status] += 1
        where = str(self._output.resolved / path.name) if self._output and path else None
        self._rows.append(ItemRow(idx=outcome.index, seed=outcome.seed, status=status, path=where, **columns))
        if monotonic() > self._flushed + FLUSH_AFTER:
            self._flush()

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        self._flushed = monotonic()
        if rows:
            self._ledger.record(self.run, rows)


def _own_event(event: Event) -> Event:
    """Return the event with a copy of its artifact: what a watcher paints over must not change what others see."""
    if not isinstance(event, ArtifactCreated):
        return event
    artifact = event.artifact
    return replace(event, artifact=replace(artifact, content=own(artifact.content), recipe=deepcopy(artifact.recipe)))
