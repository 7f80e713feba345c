"""Which model or generator an order is for: the one it names, or the default for what it gives."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from aigc_core.config import Config
from aigc_core.errors import AigcError, ModelError, UsageError, near_miss
from aigc_core.models import Model, Models, open_folder
from aigc_core.pipeline.language import language_of
from aigc_core.pipeline.order import INPUT, LIKE, Order
from aigc_core.registry import Registered, Registry
from aigc_core.specs import DefaultFor, GeneratorSpec


class Chooser:
    """Finds models and generators by name, and defaults by what an order gives."""

    def __init__(self, registry: Registry, config: Config, models: Models) -> None:
        self._registry = registry
        self._config = config
        self._models = models

    def choose(self, order: Order) -> tuple[Model | None, Registered[GeneratorSpec]]:
        """Return the model, if there is one, and the generator.

        Raises:
            UsageError: there is none of that name, or it makes something else.
            ModelError, PluginError: it is broken.
        """
        name = order.model or self._default(order)
        model, generator = self._find(name)
        if generator.spec.modality != order.modality:
            raise UsageError(f"{name} makes {generator.spec.modality}, not {order.modality}")
        return model, generator

    def modality_of(self, name: str) -> str:
        """Return the modality of what the model or generator `name` makes. Raises as `choose`."""
        if name in self._registry.generators and name not in self._registry.models:
            return self._registry.generators[name].spec.modality
        return self._find_model(name).manifest.modality

    def modality_of_input(self, given: str, modality: str, name: str | None) -> str:
        """Return what the input `given` has to be: what the model or generator `name` says, else `modality` itself."""
        if name is None:
            return modality
        _, generator = self._find(name)
        return generator.spec.inputs.get(given, modality)

    def taking(self, given: str, modality: str) -> list[str]:
        """Return the models and generators of a modality that take the input `given`."""
        makers = {name: entry.spec for name, entry in self._registry.generators.items()}
        makers = {name: spec for name, spec in makers.items() if spec.modality == modality}
        able = {name for name, spec in makers.items() if given in spec.inputs}
        if given == INPUT:
            return sorted(name for name in self._models.names() if self._embeds(name, makers))
        bundled = [entry.spec.name for entry in self._registry.models.values() if entry.spec.component in able]
        own = [name for name, folder in self._models.own() if _component(folder) in able]
        bare = [name for name in able if not self._registry.generators[name].spec.needs_model]
        return sorted({*bundled, *own, *bare})

    def _embeds(self, name: str, makers: Collection[str]) -> bool:
        """Say whether a model of one of the components `makers` is steered by the vector of an input."""
        try:
            model = self._models.find(name)
        except AigcError:  # a broken one takes nothing
            return False
        return model.required is not None and model.manifest.component in makers

    def _find(self, name: str) -> tuple[Model | None, Registered[GeneratorSpec]]:
        generator = self._registry.generators.get(name)
        if generator and name not in self._registry.models:
            if generator.spec.needs_model:
                fitting = sorted(
                    entry.spec.name for entry in self._registry.models.values() if entry.spec.component == name
                )
                hint = f"for example: -m {fitting[0]}" if fitting else f"train one: aigc train {name} DATA"
                raise UsageError(f"{name} needs a model", hint=hint)
            return None, generator
        model = self._find_model(name)
        if model.manifest.component in self._registry.embedders:
            raise UsageError(
                f"{name} makes nothing: it is for {model.manifest.component}, which looks at content",
                hint=f"aigc evaluate MODEL --embedder {name}; what makes something: aigc models list",
            )
        return model, self._registry.get("generator", model.manifest.component)

    def _find_model(self, name: str) -> Model:
        try:
            return self._models.find(name)
        except UsageError as error:
            known = [
                *self._models.names(),
                *(g for g, e in self._registry.generators.items() if not e.spec.needs_model),
            ]
            if close := near_miss(name, known):
                raise UsageError(error.message, hint=f"did you mean {close!r}?") from None
            raise

    def _default(self, order: Order) -> str:
        """Return the default: the settings' before any plugin's, and the closest to what is given before others."""
        keys = list(keys_of(order))
        settings = [":".join(filter(None, (key.modality, key.given, key.language))) for key in keys]
        for setting in (*settings, order.modality):
            if name := self._config.defaults.get(setting):
                return name
        for key in (*keys, DefaultFor(order.modality)):
            if name := self._registry.default_model(key):
                return name
        raise UsageError(
            f"no model is the default for {order.modality}", hint="name one: -m MODEL; see: aigc models list"
        )


def keys_of(order: Order) -> Iterator[DefaultFor]:
    """Yield what is given as a model may be the default for it: first in its language, then in any."""
    inputs = order.everything
    given = "like" if LIKE in inputs else "input" if inputs else "prompt" if order.prompt is not None else "nothing"
    texts = [text for text in (order.prompt, *inputs.values()) if isinstance(text, str)]
    if texts:
        yield DefaultFor(order.modality, given, language_of(texts[0]))
    yield DefaultFor(order.modality, given)


def _component(folder: Path) -> str | None:
    """Return what the model in `folder` is for; None where the folder is broken: it is not the one asked for."""
    try:
        return open_folder(folder).manifest.component
    except ModelError:
        return None
