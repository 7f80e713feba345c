"""The contract between the core and plugins: every hook, with its order, its failure rule and an example.

Declarations are collected once, plugin by plugin. Plugins declare; the core orders and runs: no component is
ever run as a hook call, and wrappers are rejected. Events are for watching only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import pluggy

from aigc_core.events import ArtifactBlocked, ArtifactCreated, RunFailed, RunFinished, RunStarted, TrainingLogged
from aigc_core.specs import (
    EmbedderSpec,
    FilterSpec,
    GeneratorSpec,
    MetricSpec,
    ModelSpec,
    SelectorSpec,
    StepSpec,
)

PROJECT = "aigc"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Declarations(Protocol):
    """Hooks that say what a plugin brings.

    Order: built-ins first, then by plugin name; never by registration or installation. Two components of one
    kind with one name: the later plugin is marked broken, with an error that names both.
    Failure: an exception, or anything but an iterable of the right specs, marks the plugin broken; the program
    and all other plugins go on. It is fatal only for a run that needs the broken plugin.
    """

    @hookspec
    def aigc_generators(self) -> Iterable[GeneratorSpec]:
        """Declare generators.

        Order: by name; one is chosen by the user or through a model. Failure: as for all declarations.

        Example::

            from aigc_core import Final, GeneratorSpec, hookimpl

            class Noise:
                def generate(self, items):
                    from PIL import Image

                    for index, item in enumerate(items):
                        pixels = (item.noise.uniform((64, 64)) * 255).astype("uint8")
                        yield Final(index, Image.fromarray(pixels))

            @hookimpl
            def aigc_generators():
                return [GeneratorSpec("acme/noise", "image", lambda model: Noise(), needs_model=False)]
        """

    @hookspec
    def aigc_models(self) -> Iterable[ModelSpec]:
        """Declare trained weights that the plugin ships.

        Order: by name. Two models that claim the same default: an error that asks the user to choose in
        ``[defaults]``. Failure: as for all declarations; wrong hashes are found when the model is loaded.

        Example::

            from aigc_core import ModelSpec, hookimpl

            @hookimpl
            def aigc_models():
                return [ModelSpec("acme-cats", "image/gan", "acme_aigc:models/acme-cats", sha256="…")]
        """

    @hookspec
    def aigc_preprocessors(self) -> Iterable[StepSpec]:
        """Declare steps over what goes into a generator: prompts (``"text"``) and inputs.

        Order: as the user lists them; none runs unlisted. Failure: a step that raises or returns the wrong type
        fails its item, with plugin, version and step in the message (``on_error = "skip"`` goes on without it).

        Example::

            from aigc_core import StepSpec, hookimpl

            def shout(prompt, context):
                return prompt.upper()

            @hookimpl
            def aigc_preprocessors():
                return [StepSpec("shout", "text", shout, summary="write the prompt in capitals")]
        """

    @hookspec
    def aigc_postprocessors(self) -> Iterable[StepSpec]:
        """Declare steps over what a generator made.

        Order: as the user lists them; none runs unlisted. Failure: as for preprocessors.

        Example::

            from aigc_core import StepSpec, hookimpl

            def mirror(picture, context):
                from PIL import ImageOps

                return ImageOps.mirror(picture)

            @hookimpl
            def aigc_postprocessors():
                return [StepSpec("mirror", "image", mirror)]
        """

    @hookspec
    def aigc_selectors(self) -> Iterable[SelectorSpec]:
        """Declare selectors, which keep one of several candidates of an item.

        Order: the user names one. Failure: one that raises or returns no valid index fails its item.

        Example::

            from aigc_core import SelectorSpec, hookimpl

            def darkest(request, candidates, context):
                def mean(picture):
                    return sum(picture.convert("L").tobytes()) / (picture.width * picture.height)

                return min(range(len(candidates)), key=lambda i: mean(candidates[i].content))

            @hookimpl
            def aigc_selectors():
                return [SelectorSpec("acme/darkest", darkest, modality="image")]
        """

    @hookspec
    def aigc_filters(self) -> Iterable[FilterSpec]:
        """Declare moderation filters. A filter finds; it never decides.

        Order: position in ``[moderation] filters``, then priority, plugin name and filter name; the verdict does
        not depend on it. Failure: closed. A filter that raises, hangs past its timeout or returns anything but
        findings blocks the item, and the verdict says ``failed``. A filter of texts without a ``window`` gets whole
        texts only; nothing of them is streamed before.

        Example::

            from aigc_core import FilterSpec, Finding, hookimpl

            def no_cats(text, context):
                at = text.lower().find("cat")
                return [Finding("cats", 1.0, "speaks of cats", span=(at, at + 3))] if at >= 0 else []

            @hookimpl
            def aigc_filters():
                return [FilterSpec("no-cats", "text", no_cats)]
        """

    @hookspec
    def aigc_embedders(self) -> Iterable[EmbedderSpec]:
        """Declare embedders, which map content into a vector space.

        Order: the user or a model names one; else the first by priority that fits the content and is installed.
        Failure: one that raises, or returns anything but one finite vector an item, stops the evaluation.

        Example::

            from aigc_core import EmbedderSpec, hookimpl

            class MeanColour:
                fingerprint = "1"  # changes whenever the vectors would

                def embed(self, pictures):  # uint8 (N, C, H, W)
                    return pictures.mean(axis=(2, 3)).astype("float32")

            @hookimpl
            def aigc_embedders():
                return [EmbedderSpec("acme/colour", "image", lambda model, options: MeanColour())]
        """

    @hookspec
    def aigc_metrics(self) -> Iterable[MetricSpec]:
        """Declare metrics: numbers about a model, with the settings that make them comparable.

        Order: by name. Failure: one that raises stops the evaluation; one whose needs are not met is left out,
        and the reason told.

        Example::

            from aigc_core import Measured, MetricSpec, hookimpl

            def brightness(evidence, options):
                pictures = evidence.items("generated")  # uint8 (N, C, H, W)
                yield Measured("brightness", pictures.mean() / 255, n=len(pictures))

            @hookimpl
            def aigc_metrics():
                return [MetricSpec("acme/brightness", brightness, "image", needs=("generated",))]
        """


class Watching(Protocol):
    """Events of a run, for watching only: what is returned is ignored.

    Order: built-ins first, then by plugin name. Failure: an exception is reported on stderr with the plugin's
    name, and the run goes on. Called once a run or once an item, never inside a generator.
    """

    @hookspec
    def aigc_run_started(self, event: RunStarted) -> None:
        """Watch a run begin.

        Order and failure: as for all events.

        Example::

            from aigc_core import hookimpl

            @hookimpl
            def aigc_run_started(event):
                print(f"{event.run}: {event.total} × {event.model}")
        """

    @hookspec
    def aigc_artifact_created(self, event: ArtifactCreated) -> None:
        """Watch an item being finished, after moderation and storing.

        Order and failure: as for all events.

        Example::

            from aigc_core import hookimpl

            @hookimpl
            def aigc_artifact_created(event):
                print(event.artifact.digest, event.path)
        """

    @hookspec
    def aigc_artifact_blocked(self, event: ArtifactBlocked) -> None:
        """Watch an item being blocked; the event holds reasons, never the blocked content.

        Order and failure: as for all events.

        Example::

            from aigc_core import hookimpl

            @hookimpl
            def aigc_artifact_blocked(event):
                print(event.blocked.verdict.cause, event.blocked.verdict.reasons)
        """

    @hookspec
    def aigc_run_finished(self, event: RunFinished) -> None:
        """Watch a run end with all items done.

        Order and failure: as for all events.

        Example::

            from aigc_core import hookimpl

            @hookimpl
            def aigc_run_finished(event):
                print(f"{event.created} made, {event.blocked} blocked, {event.failed} failed")
        """

    @hookspec
    def aigc_run_failed(self, event: RunFailed) -> None:
        """Watch a run stop early, by an error or by the user.

        Order and failure: as for all events.

        Example::

            from aigc_core import hookimpl

            @hookimpl
            def aigc_run_failed(event):
                print("interrupted" if event.interrupted else event.error)
        """

    @hookspec
    def aigc_training_logged(self, event: TrainingLogged) -> None:
        """Watch a training write a row of its log: each so many steps, never in between.

        Order and failure: as for all events.

        Example::

            from aigc_core import hookimpl

            @hookimpl
            def aigc_training_logged(event):
                print(f"{event.training} {event.step}/{event.steps}", dict(event.logs))
        """
