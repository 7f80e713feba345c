"""What the shell completes. Plugins' light entry modules may be imported for it, torch never."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aigc_core.pipeline import Pipeline


def _completer(names: Callable[[Pipeline], Iterable[str]]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        from aigc_core.errors import AigcError
        from aigc_core.pipeline import Pipeline

        try:
            pipeline = Pipeline(on_problem=lambda line: None)
        except AigcError:
            return []  # a shell that completes has no place for the message; the command itself will give it
        return sorted(name for name in names(pipeline) if name.startswith(incomplete))

    return complete


def _makers(pipeline: Pipeline) -> list[str]:
    weightless = [name for name, entry in pipeline.registry.generators.items() if not entry.spec.needs_model]
    return [*pipeline.planner.models.names(), *weightless]


modality = _completer(lambda pipeline: pipeline.registry.modalities)
model = _completer(lambda pipeline: pipeline.planner.models.names())
model_or_generator = _completer(_makers)
generator = _completer(lambda pipeline: pipeline.registry.generators)
trainable = _completer(lambda pipeline: pipeline.registry.trainables)
preprocessor = _completer(lambda pipeline: pipeline.registry.preprocessors)
postprocessor = _completer(lambda pipeline: pipeline.registry.postprocessors)
selector = _completer(lambda pipeline: pipeline.registry.selectors)
plugin = _completer(lambda pipeline: [plugin.name for plugin in pipeline.registry.plugins])
