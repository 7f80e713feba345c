"""The one way through the house, for the CLI, the Python API and whatever comes later."""

from __future__ import annotations

import inspect
import logging
import secrets
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, overload

from aigc_core import config as configuration
from aigc_core.config import Settings
from aigc_core.content import EMPTY, JSON, Artifact, Blocked, Content, Failed, Outcome
from aigc_core.errors import AigcError, PluginError, UsageError, near_miss
from aigc_core.events import ArtifactBlocked, ArtifactCreated, Event, ItemFailed, RunStarted
from aigc_core.pipeline.options import Given
from aigc_core.pipeline.order import Order
from aigc_core.pipeline.output import OutputFolder
from aigc_core.pipeline.plan import Plan, Planner
from aigc_core.pipeline.record import Record
from aigc_core.pipeline.run import Run
from aigc_core.protocols import Configurable
from aigc_core.protocols import Generator as ContentGenerator
from aigc_core.provenance import Envelope, environment, write
from aigc_core.registry import Registry
from aigc_core.runs import Ledger

P = ParamSpec("P")


class Result(Sequence[Outcome]):
    """What became of every item of a run, in order.

    ``result[0].content`` is the picture or text; of a blocked or failed item it raises the reason.
    """

    def __init__(self, run: str, seed: int, outcomes: Sequence[Outcome]) -> None:
        self.run = run
        self.seed = seed
        self._outcomes = sorted(outcomes, key=lambda outcome: outcome.index)

    @overload
    def __getitem__(self, index: int) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice) -> list[Outcome]: ...
    def __getitem__(self, index: int | slice) -> Outcome | list[Outcome]:
        return self._outcomes[index]

    def __len__(self) -> int:
        return len(self._outcomes)

    def __repr__(self) -> str:
        return (
            f"<Result {self.run}: {len(self.artifacts)} made, {len(self.blocked)} blocked, "
            f"{len(self.failed)} failed, seed {self.seed}>"
        )

    @property
    def artifacts(self) -> list[Artifact]:
        """The items that were made."""
        return [outcome for outcome in self._outcomes if isinstance(outcome, Artifact)]

    @property
    def blocked(self) -> list[Blocked]:
        """The items that moderation did not allow."""
        return [outcome for outcome in self._outcomes if isinstance(outcome, Blocked)]

    @property
    def failed(self) -> list[Failed]:
        """The items that could not be made."""
        return [outcome for outcome in self._outcomes if isinstance(outcome, Failed)]


class Pipeline:
    """Plugins, configuration and loaded models, kept for any number of runs.

    Args:
        plugins: one-file plugins to load besides the installed ones.
        disable: names of plugins that are not to be imported.
        safe: import the built-in plugins only.
        settings: configuration; default: read as for a command started here.
        on_problem: called with one line for each broken plugin; default: the ``aigc`` logger.
    """

    def __init__(
        self,
        *,
        plugins: Sequence[str | Path] = (),
        disable: Sequence[str] = (),
        safe: bool = False,
        settings: Settings | None = None,
        on_problem: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings or configuration.load()
        config = self.settings.config
        self.registry = Registry(
            files=[*config.plugins.load, *plugins],
            disabled=[*config.plugins.disable, *disable],
            safe=safe or config.plugins.safe,
            on_problem=on_problem,
        )
        self._check_modalities()
        self.planner = Planner(self.registry, config)
        self.embedders = self.planner.embedders
        self._loaded: dict[tuple[str, str], ContentGenerator] = {}

    def _check_modalities(self) -> None:
        """Find misspelt modalities in the settings; one that a missing plugin would bring is none of our business."""
        known = self.registry.modalities
        for key, origin in self.settings.origin.items():
            section, _, rest = key.partition(".")
            name = rest.partition("." if section == "pipeline" else ":")[0]
            if section in ("pipeline", "defaults") and name not in known and (close := near_miss(name, known)):
                raise UsageError(f"{origin}: unknown modality {name!r} in {key}", hint=f"did you mean {close!r}?")

    def plan(self, order: Order) -> Plan:
        """Check an order and find everything it names, loading no weights."""
        return self.planner.plan(order)

    def stream(
        self,
        plan: Plan,
        *,
        output: str | Path | None = None,
        metadata: str | None = None,
        surface: str = "python",
        previews: bool = True,
    ) -> Generator[Event, None, None]:
        """Do what `plan` says, yielding events as they happen; closing the generator ends the run.

        Args:
            output: folder to store artifacts in; None keeps them in memory only.
            metadata: what files carry; default: as configured.
            surface: who asks, for the ledger.
            previews: tell of items in the making, too, which costs some time: text so far, drafts of pictures.
        """
        config = self.settings.config
        generator = self.generator(plan)
        folder = OutputFolder(Path(output).expanduser()) if output is not None else None
        record = Record(plan, self.registry, Ledger(config.ledger_path), folder, surface)
        writer = _FileWriter(metadata or config.generate.metadata, config.generate.labels)
        skip = config.generate.on_error == "skip"
        run = Run(plan, generator, record, writer, previews=previews, skip_failing_steps=skip)
        return run.events()

    def generate(
        self,
        modality: str,
        prompt: str | None = None,
        *,
        n: int = 1,
        seed: int | None = None,
        interpolate: tuple[int, int] | tuple[Content, Content] | None = None,
        frames: int = 16,
        model: str | None = None,
        options: Mapping[str, JSON] = EMPTY,
        inputs: Mapping[str, Content] = EMPTY,
        pre: Sequence[Given] = (),
        post: Sequence[Given] = (),
        candidates: int = 1,
        select: Given | None = None,
        output: str | Path | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> Result:
        """Make `n` items and return what became of them.

        Args:
            modality: ``"image"``, ``"text"``, …
            prompt: for every item; an error for a model that takes none.
            n: number of items, 1 to 1,000,000.
            seed: of item 0; item *i* has ``seed + i``. None draws one, which the result tells.
            interpolate: two seeds, instead of `n` and `seed`: frame 0 is the item of the first, the last frame that of
                the second with the first one's label. Or two texts or pictures, for a model that can go from one to
                the other; then every frame has `seed`.
            frames: how many items the interpolation has, 2 to 1,000.
            model: a model name or folder, or a generator that needs no weights.
            options: of the generator, e.g. ``{"label": 7, "truncation": 0.8}``.
            inputs: named pieces of content to work from, e.g. ``{"like": picture}`` for variations of one.
            pre, post: steps, e.g. ``"resize size=128"`` or ``("resize", {"size": 128})``.
            candidates: how many to make for each item; `select` keeps one.
            select: a selector.
            output: folder to store artifacts in as they are made.
            on_event: called with every event.

        Raises:
            UsageError: an unknown name or wrong value.
            PluginError, ModelError: something the run needs is missing or broken.
            FileError: the output cannot be written.
        """
        order = Order(
            modality=modality,
            n=n,
            seed=draw_seed() if seed is None else seed,
            interpolate=interpolate,
            frames=frames,
            prompt=prompt,
            inputs=inputs,
            model=model,
            options=options,
            pre=pre,
            post=post,
            candidates=candidates,
            select=select,
        )
        if order.ends and seed is not None:
            raise UsageError("an interpolation has two seeds already", hint="leave seed out")
        plan = self.plan(order)
        for line in plan.misgivings:
            logging.getLogger("aigc").warning(line)
        outcomes: list[Outcome] = []
        run = ""
        with closing(self.stream(plan, output=output, previews=on_event is not None)) as events:
            for event in events:
                if isinstance(event, RunStarted):
                    run = event.run
                elif isinstance(event, ArtifactCreated):
                    outcomes.append(event.artifact)
                elif isinstance(event, ArtifactBlocked):
                    outcomes.append(event.blocked)
                elif isinstance(event, ItemFailed):
                    outcomes.append(event.failed)
                if on_event:
                    on_event(event)
        return Result(run, order.first_seed, outcomes)

    def generator(self, plan: Plan) -> ContentGenerator:
        """Return the plan's generator with its weights, loaded once, and told the plan's options.

        Raises:
            ModelError: the weights are missing, damaged or do not fit the component.
            PluginError: the component's factory failed.
        """
        key = (plan.entry.spec.name, plan.model.sha256 if plan.model else "")
        if key not in self._loaded:
            try:
                generator = plan.factory(plan.model)
            except AigcError:
                raise
            except (Exception, SystemExit) as error:
                raise PluginError(
                    f"generator {plan.entry.spec.name!r} (plugin {plan.entry.plugin}) cannot be made: "
                    f"{type(error).__name__}: {error}"
                ) from error
            if not isinstance(generator, ContentGenerator):
                raise PluginError(
                    f"generator {plan.entry.spec.name!r} (plugin {plan.entry.plugin}) has no method generate(items)"
                )
            self._loaded[key] = generator
        generator = self._loaded[key]
        if isinstance(generator, Configurable):
            generator.configure(plan.options)
        return generator


class _FileWriter:
    """Writes artifacts as the run was configured; see `aigc_core.content.Writer`."""

    def __init__(self, metadata: str, labels: Sequence[str]) -> None:
        self._metadata = metadata
        self._labels = tuple(labels)

    def __call__(self, artifact: Artifact, path: Path, metadata: str | None) -> Path:
        envelope = Envelope(artifact.recipe, artifact.recipe_id, artifact.digest, environment())
        return write(artifact.content, envelope, path, metadata=metadata or self._metadata, labels=self._labels)


def draw_seed() -> int:
    """Draw a run's seed where the user gave none: short enough to be typed again."""
    return secrets.randbelow(2**32)


def _with_a_pipeline_of_its_own(method: Callable[Concatenate[Pipeline, P], Result]) -> Callable[P, Result]:
    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> Result:
        return method(Pipeline(), *args, **kwargs)

    signature = inspect.signature(method)
    call.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
    return call


#: `Pipeline.generate` for those who need it once; a `Pipeline` of one's own keeps plugins and weights loaded.
generate = _with_a_pipeline_of_its_own(Pipeline.generate)
