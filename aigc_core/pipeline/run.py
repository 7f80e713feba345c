"""Running a plan: batches in, a stream of typed events out, every item in the ledger."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.content import Action, Artifact, Blocked, Failed, Outcome, Verdict, Writer
from aigc_core.errors import AigcError, ItemError, PluginError
from aigc_core.events import (
    ArtifactBlocked,
    ArtifactCreated,
    Event,
    ItemFailed,
    PreviewMade,
    RunFailed,
    RunFinished,
    RunStarted,
    StepSkipped,
)
from aigc_core.pipeline import stages
from aigc_core.pipeline.output import OutputFolder
from aigc_core.pipeline.plan import Plan
from aigc_core.pipeline.recipe import RecipeBook
from aigc_core.pipeline.stages import Made, Prepared
from aigc_core.protocols import Generator as ContentGenerator
from aigc_core.protocols import Partial
from aigc_core.provenance import content_digest, recipe_id
from aigc_core.registry import Registry
from aigc_core.runs import ItemRow, Ledger

if TYPE_CHECKING:
    from aigc_core.content import Content

_HOOKS = {
    RunStarted: "aigc_run_started",
    ArtifactCreated: "aigc_artifact_created",
    ArtifactBlocked: "aigc_artifact_blocked",
    RunFinished: "aigc_run_finished",
    RunFailed: "aigc_run_failed",
}


class Run:
    """One execution of a plan.

    Args:
        plan: what to do.
        generator: the plan's generator, with its weights.
        registry: whose plugins watch.
        ledger: where the run is recorded.
        writer: how an artifact becomes a file.
        output: where artifacts are stored, or None to keep them in memory only.
        surface: ``"cli"``, ``"python"``, …, for the ledger.
        skip_failing_steps: leave a failing step out instead of failing its item.
    """

    def __init__(
        self,
        plan: Plan,
        generator: ContentGenerator,
        *,
        registry: Registry,
        ledger: Ledger,
        writer: Writer,
        output: OutputFolder | None = None,
        surface: str = "python",
        skip_failing_steps: bool = False,
    ) -> None:
        self.plan = plan
        self.generator = generator
        self._registry = registry
        self._ledger = ledger
        self._writer = writer
        self._output = output
        self._surface = surface
        self._skip = skip_failing_steps
        self._book = RecipeBook(plan)
        self._rows: list[ItemRow] = []
        self._open: list[Made | Failed] = []  # candidates so far of the item in the making
        self._counts = {"created": 0, "blocked": 0, "failed": 0}
        self.id = ""

    def events(self) -> Generator[Event, None, None]:
        """Do the work, yielding events as they happen.

        Closing the iterator, or Ctrl-C, ends the run as interrupted; what was finished stays.
        """
        order = self.plan.order
        self.id = self._ledger.start(
            surface=self._surface,
            modality=order.modality,
            model=self.plan.name,
            seed=order.seed,
            total=order.n,
            output=str(self._output.folder.resolve()) if self._output else None,
        )
        try:
            yield self._told(RunStarted(self.id, order.modality, self.plan.name, order.seed, order.n))
            for batch in self._batches():
                for event in self._run_batch(batch):
                    yield self._told(event)
                self._flush()
        except BaseException as error:
            self._flush()
            # KeyboardInterrupt, and GeneratorExit when the consumer stops listening
            interrupted = not isinstance(error, Exception)
            message = "interrupted" if interrupted else str(error)
            self._ledger.finish(self.id, "interrupted" if interrupted else "failed", error=message)
            self._told(RunFailed(self.id, message, interrupted, self._counts["created"]))
            raise
        self._ledger.finish(self.id, "finished")
        yield self._told(RunFinished(self.id, **self._counts))

    # Batches: every candidate of every item, in calls of one size

    def _batches(self) -> Iterator[list[tuple[Prepared, int] | Event]]:
        """Yield work in calls of the micro-batch's size, with the events of items that need no call."""
        size = self.plan.micro_batch
        batch: list[Any] = []
        work = 0
        for index in range(self.plan.order.n):
            prepared = self._prepare(index, batch)
            if prepared is None:
                if len(batch) - work >= 256:  # nothing but blocked items: let them be seen
                    yield batch
                    batch, work = [], 0
                continue
            for candidate in range(self.plan.order.candidates):
                batch.append((prepared, candidate))
                work += 1
                if work == size:
                    yield batch
                    batch, work = [], 0
        if batch:
            yield batch

    def _prepare(self, index: int, events: list[Any]) -> Prepared | None:
        try:
            prepared = stages.prepare(self.plan, index, self._on_skip(index, events))
        except ItemError as error:
            events.append(self._settle(Failed(index, self.plan.order.seed + index, str(error))))
            return None
        if prepared.verdict.action is Action.BLOCK:
            events.append(self._settle(self._blocked(prepared, "request", prepared.verdict)))
            return None
        return prepared

    def _run_batch(self, batch: list[Any]) -> Iterator[Event]:
        work = [entry for entry in batch if isinstance(entry, tuple)]
        yield from (entry for entry in batch if not isinstance(entry, tuple))
        if not work:
            return
        events: list[Event] = []
        finals = self._generate(work, events)
        yield from events
        for (prepared, candidate), final in zip(work, finals, strict=True):
            events = []
            outcome = self._candidate_done(prepared, candidate, final, events)
            yield from events
            if outcome is not None:
                yield self._settle(outcome)

    def _generate(self, work: list[tuple[Prepared, int]], events: list[Event]) -> list[Any]:
        """Call the generator once, with exactly the micro-batch of items, and drop what padding made."""
        items = [stages.item_for(self.plan, prepared, candidate) for prepared, candidate in work]
        while len(items) < self.plan.micro_batch:
            items.append(stages.item_for(self.plan, *work[-1]))
        who = f"generator {self.plan.entry.spec.name!r} (plugin {self.plan.entry.plugin})"
        finals: dict[int, Any] = {}
        try:
            for made in self.generator.generate(items):
                if isinstance(made, Partial):
                    if made.index < len(work) and (event := self._preview(work[made.index][0], made.content)):
                        events.append(event)
                elif not 0 <= made.index < len(items) or made.index in finals:
                    raise ValueError(f"yielded a result for index {made.index} twice, or out of range")
                else:
                    finals[made.index] = made
            if missing := [index for index in range(len(work)) if index not in finals]:
                raise ValueError(f"yielded no result for index {missing[0]}")
        except AigcError:
            raise
        except Exception as error:
            raise PluginError(
                f"{who} failed: {type(error).__name__}: {error}", hint="see it whole: aigc --debug …"
            ) from error
        return [finals[index] for index in range(len(work))]

    def _preview(self, prepared: Prepared, content: Content) -> Event | None:
        parts = [("content", self.plan.order.modality, content)]
        verdict = self.plan.moderator.check("artifact", parts, prepared.request)
        return PreviewMade(self.id, prepared.index, content) if verdict.action < Action.REDACT else None

    # Items: from candidates to one outcome

    def _candidate_done(self, prepared: Prepared, candidate: int, final: Any, events: list[Event]) -> Outcome | None:
        """Finish one candidate; when it was the item's last, return what became of the item."""
        if candidate == 0:
            self._open = []
        try:
            skip = self._on_skip(prepared.index, events)
            self._open.append(stages.finish(self.plan, prepared, candidate, final.content, final.scores, skip))
        except ItemError as error:
            self._open.append(Failed(prepared.index, prepared.seed, str(error)))
        return self._outcome(prepared) if candidate == self.plan.order.candidates - 1 else None

    def _outcome(self, prepared: Prepared) -> Outcome:
        if failures := [one for one in self._open if isinstance(one, Failed)]:
            return failures[0]
        made = [one for one in self._open if isinstance(one, Made)]
        allowed = [one for one in made if one.verdict.action is not Action.BLOCK]
        if not allowed:
            return self._blocked(prepared, "artifact", made[0].verdict)
        try:
            kept, selection = stages.select(self.plan, prepared, allowed)
        except ItemError as error:
            return Failed(prepared.index, prepared.seed, str(error))
        return self._artifact(prepared, kept, selection)

    def _artifact(self, prepared: Prepared, made: Made, selection: Any) -> Artifact:
        recipe = self._book.made(prepared, made, selection)
        return Artifact(
            index=prepared.index,
            seed=prepared.seed,
            content=made.content,
            recipe=recipe,
            recipe_id=recipe_id(recipe),
            digest=content_digest(made.content),
            scores=made.scores,
            verdict=prepared.verdict.joined(made.verdict),
            writer=self._writer,
        )

    def _blocked(self, prepared: Prepared, stage: str, verdict: Verdict) -> Blocked:
        return Blocked(prepared.index, prepared.seed, stage, verdict, self._book.blocked(prepared))

    def _on_skip(self, index: int, events: list[Any]) -> stages.Skipped | None:
        if not self._skip:
            return None
        return lambda step, error: events.append(StepSkipped(self.id, index, step, error))

    # Storing and telling

    def _settle(self, outcome: Outcome) -> Event:
        """Store and record an outcome, and return its event."""
        if isinstance(outcome, Artifact):
            path = self._output.store(outcome, self.plan.name) if self._output else None
            self._row(outcome, "created", recipe_id=outcome.recipe_id, digest=outcome.digest, path=path)
            return ArtifactCreated(self.id, outcome, path)
        if isinstance(outcome, Blocked):
            self._row(outcome, "blocked", reason=outcome.verdict.cause)
            return ArtifactBlocked(self.id, outcome)
        self._row(outcome, "failed", reason=outcome.error)
        return ItemFailed(self.id, outcome)

    def _row(self, outcome: Outcome, status: str, *, path: Path | None = None, **columns: str | None) -> None:
        self._counts[status] += 1
        where = str(path.resolve()) if path else None
        self._rows.append(ItemRow(idx=outcome.index, seed=outcome.seed, status=status, path=where, **columns))

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            self._ledger.record(self.id, rows)

    def _told(self, event: Event) -> Event:
        hook = _HOOKS.get(type(event))
        if hook and self._registry.watches(hook):
            shown = event
            if isinstance(event, ArtifactCreated) and not isinstance(event.artifact.content, str):
                # A watcher gets a copy: what it paints over must not change what others see.
                shown = replace(event, artifact=replace(event.artifact, content=event.artifact.content.copy()))
            self._registry.notify(hook, shown)
        return event
