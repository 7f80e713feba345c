"""Running a plan: calls of one size in, a stream of typed events out."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aigc_core.content import Action, Artifact, Blocked, Content, Failed, Outcome, Verdict, Writer
from aigc_core.errors import AigcError, ItemError, PluginError
from aigc_core.events import Event, PreviewMade, StepSkipped
from aigc_core.pipeline import stages
from aigc_core.pipeline.plan import Plan
from aigc_core.pipeline.recipe import RecipeBook
from aigc_core.pipeline.record import Record
from aigc_core.pipeline.stages import Made, Prepared
from aigc_core.protocols import Final, Partial
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
        skip_failing_steps: leave a failing step out instead of failing its item.
    """

    def __init__(
        self,
        plan: Plan,
        generator: ContentGenerator,
        record: Record,
        writer: Writer,
        *,
        skip_failing_steps: bool = False,
    ) -> None:
        self.plan = plan
        self.generator = generator
        self.record = record
        self._writer = writer
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
        """Generate `jobs` in one call, and finish every item whose last candidate is among them."""
        finals = yield from self._generate(jobs)
        for job, final in zip(jobs, finals, strict=True):
            yield from self._finish(job, final)
            if job.candidate == self.plan.order.candidates - 1:
                yield self.record.settle(self._outcome(job.prepared))

    def _generate(self, jobs: list[Job]) -> Generator[Event, None, list[Final]]:
        """Call the generator once, with exactly the micro-batch of items, and drop what padding made."""
        items = [stages.item_for(self.plan, job.prepared, job.candidate) for job in jobs]
        while len(items) < self.plan.micro_batch:
            items.append(stages.item_for(self.plan, jobs[-1].prepared, jobs[-1].candidate))
        finals: dict[int, Final] = {}
        for made in self._calling(items):
            if not 0 <= made.index < len(items) or made.index in finals:
                raise self._broken(f"yielded a result for index {made.index} twice, or out of range")
            if isinstance(made, Final):
                finals[made.index] = made
            elif made.index < len(jobs):
                yield from self._preview(jobs[made.index].prepared, made.content)
        if missing := [index for index in range(len(jobs)) if index not in finals]:
            raise self._broken(f"yielded no result for index {missing[0]}")
        return [finals[index] for index in range(len(jobs))]

    def _calling(self, items: Sequence[Any]) -> Iterator[Partial | Final]:
        """Pass on what the generator yields; whatever it raises names it."""
        try:
            yield from self.generator.generate(items)
        except AigcError:
            raise
        except (Exception, SystemExit) as error:
            raise self._broken(f"failed: {type(error).__name__}: {error}") from error

    def _broken(self, complaint: str) -> PluginError:
        entry = self.plan.entry
        return PluginError(
            f"generator {entry.spec.name!r} (plugin {entry.plugin}) {complaint}", hint="see it whole: aigc --debug …"
        )

    def _preview(self, prepared: Prepared, content: Content) -> Events:
        parts = [("content", self.plan.order.modality, content)]
        verdict = self.plan.moderator.check("artifact", parts, prepared.request)
        if verdict.action < Action.REDACT:
            yield PreviewMade(self.record.run, prepared.index, content)

    # From candidates to one outcome

    def _finish(self, job: Job, final: Final) -> Events:
        if job.candidate == 0:
            self._open = []
        skipped: list[Event] = []
        on_skip = self._on_skip(job.prepared.index, skipped)
        try:
            self._open.append(stages.finish(self.plan, job.prepared, job.candidate, final, on_skip))
        except ItemError as error:
            self._open.append(Failed(job.prepared.index, job.prepared.seed, str(error)))
        yield from skipped

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
