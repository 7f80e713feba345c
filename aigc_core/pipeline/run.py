"""Running a plan: calls of one size in, a stream of typed events out."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from aigc_core.content import Action, Artifact, Blocked, Failed, Outcome, Verdict, Writer
from aigc_core.errors import AigcError, ItemError, PluginError
from aigc_core.events import Event, PreviewMade, StepSkipped
from aigc_core.pipeline import stages
from aigc_core.pipeline.plan import Plan
from aigc_core.pipeline.recipe import RecipeBook
from aigc_core.pipeline.record import Record
from aigc_core.pipeline.stages import Made, Prepared
from aigc_core.pipeline.streaming import Streams, whole_because
from aigc_core.protocols import Final, Item, Partial
from aigc_core.protocols import Generator as ContentGenerator
from aigc_core.provenance import content_digest, recipe_id

Events = Generator[Event, None, None]


@dataclass(frozen=True, slots=True)
class Job:
    """One candidate of one item, to be generated."""

    prepared: Prepared
    candidate: int


class Run:
    """One execution of a plan.

    Args:
        plan: what to do.
        generator: the plan's generator, with its weights.
        record: where the run leaves its trace.
        writer: how an artifact becomes a file.
        previews: tell of items in the making.
        skip_failing_steps: leave a failing step out instead of failing its item.
    """

    def __init__(
        self,
        plan: Plan,
        generator: ContentGenerator,
        record: Record,
        writer: Writer,
        *,
        previews: bool = True,
        skip_failing_steps: bool = False,
    ) -> None:
        self.plan = plan
        self.generator = generator
        self.record = record
        self._writer = writer
        texts = plan.order.modality == "text"
        self._previews = previews and not (texts and whole_because(plan))
        self._skip = skip_failing_steps
        self._book = RecipeBook(plan)
        self._open: list[Made | Failed] = []  # candidates so far of the item in the making

    def events(self) -> Events:
        """Do the work, yielding events as they happen.

        Closing the generator, or Ctrl-C, ends the run as interrupted; what was finished stays.
        """
        started = self.record.start()
        try:
            yield started
            yield from self._items()
        except BaseException as error:
            self.record.fail(error)
            raise
        yield self.record.finish()

    def _items(self) -> Events:
        """Prepare item by item, and generate in calls of the micro-batch's size."""
        jobs: list[Job] = []
        for index in range(self.plan.order.total):
            prepared = yield from self._prepare(index)
            if prepared is None:
                continue
            for candidate in range(self.plan.order.candidates):
                jobs.append(Job(prepared, candidate))
                if len(jobs) == self.plan.micro_batch:
                    yield from self._make(jobs)
                    jobs = []
        if jobs:
            yield from self._make(jobs)

    def _prepare(self, index: int) -> Generator[Event, None, Prepared | None]:
        skipped: list[Event] = []
        try:
            prepared = stages.prepare(self.plan, index, self._on_skip(index, skipped))
        except ItemError as error:
            yield self.record.settle(Failed(index, stages.seed_of(self.plan.order, index), str(error)))
            return None
        yield from skipped
        if prepared.verdict.action is Action.BLOCK:
            yield self.record.settle(self._blocked(prepared, "request", prepared.verdict))
            return None
        return prepared

    def _make(self, jobs: list[Job]) -> Events:
        """Generate `jobs` in one call; each is finished as soon as it and all before it are made."""
        waiting: dict[int, Final] = {}
        made, finished = set(), 0
        streams = Streams(self.plan, [job.prepared.request for job in jobs])
        with closing(self._calling(self._padded(jobs))) as results:
            for result in results:
                if not isinstance(result, Partial | Final):
                    raise self._broken(f"yielded a {type(result).__name__}, neither a Partial nor a Final")
                index = result.index
                if not 0 <= index < self.plan.micro_batch or index in made:
                    raise self._broken(f"yielded a result for index {index} twice, or out of range")
                if isinstance(result, Partial):
                    yield from self._preview(jobs, result, streams)
                    continue
                made.add(index)
                if index < len(jobs):
                    with self._blaming():
                        streams.check_whole(index, result.content)
                    waiting[index] = result
                while finished in waiting:
                    yield from self._finish(jobs[finished], waiting.pop(finished))
                    finished += 1
        if finished < len(jobs):
            raise self._broken(f"yielded no result for index {finished}")

    def _padded(self, jobs: list[Job]) -> list[Item]:
        """Return exactly the micro-batch of items; what padding makes is dropped, and nobody reads along."""
        items = [stages.item_for(self.plan, job.prepared, job.candidate, streamed=self._previews) for job in jobs]
        while len(items) < self.plan.micro_batch:
            items.append(stages.item_for(self.plan, jobs[-1].prepared, jobs[-1].candidate))
        return items

    def _calling(self, items: Sequence[Item]) -> Generator[Partial | Final, None, None]:
        """Pass on what the generator yields; whatever it raises names it."""
        with self._blaming():
            yield from self.generator.generate(items)

    @contextmanager
    def _blaming(self) -> Iterator[None]:
        try:
            yield
        except AigcError:
            raise
        except (Exception, SystemExit) as error:
            raise self._broken(f"failed: {type(error).__name__}: {error}") from error

    def _broken(self, complaint: str) -> PluginError:
        entry = self.plan.entry
        return PluginError(
            f"generator {entry.spec.name!r} (plugin {entry.plugin}) {complaint}", hint="see it whole: aigc --debug …"
        )

    def _preview(self, jobs: list[Job], partial: Partial, streams: Streams) -> Events:
        """Tell of an item in the making: of a text as much as is judged, of anything else when it is allowed."""
        if not self._previews or partial.index >= len(jobs):
            return
        prepared, content = jobs[partial.index].prepared, partial.content
        if self.plan.order.modality == "text":
            with self._blaming():
                text = streams.grow(partial.index, content)
            if text is not None:
                yield PreviewMade(self.record.run, prepared.index, text)
            return
        parts = [("content", self.plan.order.modality, content)]
        if self.plan.moderator.check("artifact", parts, prepared.request).action < Action.REDACT:
            yield PreviewMade(self.record.run, prepared.index, content)

    # From candidates to one outcome

    def _finish(self, job: Job, final: Final) -> Events:
        """Finish one candidate, and its item where it is the last one."""
        if job.candidate == 0:
            self._open = []
        skipped: list[Event] = []
        on_skip = self._on_skip(job.prepared.index, skipped)
        try:
            self._open.append(stages.finish(self.plan, job.prepared, job.candidate, final, on_skip))
        except ItemError as error:
            self._open.append(Failed(job.prepared.index, job.prepared.seed, str(error)))
        yield from skipped
        if job.candidate == self.plan.order.candidates - 1:
            yield self.record.settle(self._outcome(job.prepared))

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

    def _on_skip(self, index: int, skipped: list[Event]) -> stages.Skipped | None:
        if not self._skip:
            return None
        return lambda step, error: skipped.append(StepSkipped(self.record.run, index, step, error))
