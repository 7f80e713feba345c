"""The typed view of what plugins declare. With `discovery` and `hookspecs` the only module that knows pluggy."""

from __future__ import annotations

import importlib
import inspect
import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import pluggy

from aigc_core import hookspecs
from aigc_core.errors import AigcError, PluginError, UsageError, near_miss, unknown
from aigc_core.registry.discovery import Plugin, import_entry, import_file, installed, rival
from aigc_core.specs import (
    DefaultFor,
    EmbedderSpec,
    FilterSpec,
    GeneratorSpec,
    MetricSpec,
    ModelSpec,
    SelectorSpec,
    StepSpec,
)

S = TypeVar("S", GeneratorSpec, ModelSpec, StepSpec, SelectorSpec, FilterSpec, EmbedderSpec, MetricSpec)
Problem = Callable[[str], None]

#: hook, what it may return, and the word for it.
_DECLARED: tuple[tuple[str, type[Any], str], ...] = (
    ("aigc_generators", GeneratorSpec, "generator"),
    ("aigc_models", ModelSpec, "model"),
    ("aigc_preprocessors", StepSpec, "preprocessor"),
    ("aigc_postprocessors", StepSpec, "postprocessor"),
    ("aigc_selectors", SelectorSpec, "selector"),
    ("aigc_filters", FilterSpec, "filter"),
    ("aigc_embedders", EmbedderSpec, "embedder"),
    ("aigc_metrics", MetricSpec, "metric"),
)


@dataclass(frozen=True, slots=True)
class Registered(Generic[S]):
    """A spec together with the plugin that declared it."""

    spec: S
    plugin: Plugin

    @property
    def order(self) -> tuple[Any, ...]:
        """Priority, plugin, name: the order where the user gave none."""
        return (getattr(self.spec, "priority", 0), self.plugin.order, self.spec.name)


@dataclass
class _Source:
    """A plugin's code, registered, with its hook implementations by hook name."""

    plugin: Plugin
    implementations: dict[str, Any] = field(default_factory=dict)


class Registry:
    """All plugins of this process and what they declare, collected once, in one order.

    Args:
        files: one-file plugins, which must load.
        disabled: names of plugins that are not to be imported.
        safe: import the built-ins only.
        on_problem: called with one line for each broken plugin.
    """

    def __init__(
        self,
        *,
        files: Sequence[str | Path] = (),
        disabled: Iterable[str] = (),
        safe: bool = False,
        on_problem: Problem | None = None,
    ) -> None:
        self.plugins: list[Plugin] = []
        self._sources: list[_Source] = []
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs.Declarations)
        self._manager.add_hookspecs(hookspecs.Watching)
        self._on_problem = on_problem or logging.getLogger("aigc").warning
        self._load(files, set(disabled), safe)
        self._declared: dict[str, dict[str, Registered[Any]]] = {}
        for hook, kind, word in _DECLARED:
            self._declared[hook] = self._collect(hook, kind, word)
        for plugin in self.plugins:
            if plugin.status == "broken" and plugin.origin == "file":
                # It was asked for by name, and may have brought the very filter that this run was to have.
                raise PluginError(plugin.complaint) from plugin.cause
            if plugin.status == "broken":
                self._on_problem(plugin.complaint)

    # What is declared

    @property
    def generators(self) -> Mapping[str, Registered[GeneratorSpec]]:
        """All generators by name."""
        return self._declared["aigc_generators"]

    @property
    def models(self) -> Mapping[str, Registered[ModelSpec]]:
        """All models that plugins bring, by name."""
        return self._declared["aigc_models"]

    @property
    def preprocessors(self) -> Mapping[str, Registered[StepSpec]]:
        """All preprocessors by name."""
        return self._declared["aigc_preprocessors"]

    @property
    def postprocessors(self) -> Mapping[str, Registered[StepSpec]]:
        """All postprocessors by name."""
        return self._declared["aigc_postprocessors"]

    @property
    def selectors(self) -> Mapping[str, Registered[SelectorSpec]]:
        """All selectors by name."""
        return self._declared["aigc_selectors"]

    @property
    def filters(self) -> Mapping[str, Registered[FilterSpec]]:
        """All filters by name, in the order they run where the user gave none."""
        return self._declared["aigc_filters"]

    @property
    def embedders(self) -> Mapping[str, Registered[EmbedderSpec]]:
        """All embedders by name, in the order in which a default is looked for."""
        return self._declared["aigc_embedders"]

    @property
    def metrics(self) -> Mapping[str, Registered[MetricSpec]]:
        """All metrics by name."""
        return self._declared["aigc_metrics"]

    @property
    def trainables(self) -> Mapping[str, Registered[GeneratorSpec] | Registered[EmbedderSpec]]:
        """All components that can be trained, by name: generators and embedders."""
        entries: list[Any] = [*self.embedders.values(), *self.generators.values()]
        return {entry.spec.name: entry for entry in entries if entry.spec.trainable is not None}

    @cached_property
    def modalities(self) -> list[str]:
        """All modalities that something can be generated in."""
        return sorted({entry.spec.modality for entry in self.generators.values()})

    def default_model(self, key: DefaultFor) -> str | None:
        """Return the model that claims to be the default for `key`.

        Raises:
            UsageError: two models claim it, and only the user can decide.
        """
        claims = [entry for entry in self.models.values() if key in entry.spec.default_for]
        if len(claims) > 1:
            names = " and ".join(f"{entry.spec.name!r} (plugin {entry.plugin})" for entry in claims)
            raise UsageError(
                f"{names} both claim to be the default for {key.modality}",
                hint=f"choose in aigc.toml: [defaults] {key.modality} = {claims[0].spec.name!r}",
            )
        return claims[0].spec.name if claims else None

    def get(self, word: str, name: str) -> Registered[Any]:
        """Return the component of the kind `word` (``"generator"``, ``"filter"``, …) called `name`.

        Raises:
            UsageError: there is none, with the near miss.
            PluginError: there is none, and a broken plugin's name says that it would bring it.
        """
        declared = next(self._declared[hook] for hook, _, kind in _DECLARED if kind == word)
        if entry := declared.get(name):
            return entry
        self.explain_missing(word, name)
        listing = {"generator": "aigc generators list", "filter": "aigc filters list"}.get(word)
        raise unknown(word, name, declared, listing=listing)

    def explain_missing(self, word: str, name: str) -> None:
        """Raise PluginError when a broken or disabled plugin is the likely reason that `name` is missing."""
        family = name.partition("/")[0]
        for plugin in self.plugins:
            if plugin.status != "ok" and family in (plugin.name, plugin.source.removeprefix("aigc-plugin-")):
                reason = plugin.complaint if plugin.status == "broken" else f"plugin {plugin} is disabled"
                raise PluginError(f"{word} {name!r} is missing: {reason}")

    def resolve(self, reference: Any, entry: Registered[Any]) -> Any:
        """Return what a spec refers to, importing it if it is an import string.

        Raises:
            PluginError: it cannot be imported; the message names plugin, version and component.
        """
        if not isinstance(reference, str):
            return reference
        module, _, path = reference.partition(":")
        try:
            with redirect_stdout(sys.stderr):  # many a library greets when it is imported, and stdout is data
                found: Any = importlib.import_module(module)
            for attribute in path.split("."):
                found = getattr(found, attribute)
            return found
        except AigcError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"plugin {entry.plugin}: {entry.spec.name!r}: {reference} cannot be imported: {error}",
                hint=f"aigc plugins check {entry.plugin.name}",
            ) from error

    def watches(self, hook: str) -> bool:
        """Say whether any plugin watches the event `hook`."""
        return any(hook in source.implementations for source in self._sources)

    def notify(self, hook: str, event: Any) -> None:
        """Tell every watching plugin of `event`; one that raises is reported, and the rest are told."""
        for source in self._sources:
            implementation = source.implementations.get(hook)
            if implementation is None or source.plugin.status != "ok":
                continue
            try:
                _call(implementation, event=event)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - events are for watching only
                self._on_problem(f"plugin {source.plugin}: {hook}: {type(error).__name__}: {error}")

    # Finding and registering

    def _load(self, files: Sequence[str | Path], disabled: set[str], safe: bool) -> None:
        for plugin, entry in installed():
            earlier = rival(plugin, self.plugins)
            self.plugins.append(plugin)
            if plugin.name in disabled or (safe and plugin.origin != "built-in"):
                plugin.status = "disabled"
            elif earlier is not None:
                plugin.break_down(
                    f"its name is already taken by {earlier.source}", mend=f"pip uninstall {plugin.source}"
                )
            else:
                self._register(plugin, import_entry(plugin, entry))
        self._check_disabled(disabled)
        for path in {Path(file).resolve(): Path(file) for file in files}.values():  # named twice is loaded once
            plugin, module = import_file(path)
            if earlier := rival(plugin, self.plugins):
                plugin.break_down(f"its name is already taken by {earlier.source}", mend="rename the file")
            self.plugins.append(plugin)
            self._register(plugin, module)
        self._sources.sort(key=lambda source: source.plugin.order)

    def _check_disabled(self, disabled: set[str]) -> None:
        known = {plugin.name for plugin in self.plugins}
        for name in sorted(disabled - known):
            raise unknown("plugin", name, known, listing="aigc plugins list")

    def _register(self, plugin: Plugin, code: Any) -> None:
        if plugin.status != "ok" or code is None:
            return
        try:
            self._check_names(code)
            key = f"{plugin.origin}:{plugin.source}:{plugin.name}"
            self._manager.register(code, key)
            callers = self._manager.get_hookcallers(code) or []
            source = _Source(plugin)
            for caller in callers:
                for implementation in caller.get_hookimpls():
                    if implementation.plugin is code:
                        if implementation.wrapper or implementation.hookwrapper:
                            raise PluginError(f"{caller.name} is a wrapper; hooks of aigc cannot be wrapped")
                        source.implementations[caller.name] = implementation
            self._sources.append(source)
        except Exception as error:  # noqa: BLE001 - whatever a plugin does, it breaks only itself
            plugin.break_down(" ".join(str(error).split()), cause=error)

    def _check_names(self, code: Any) -> None:
        """Refuse what pluggy would accept in silence: misspelt hooks, and hooks without the marker."""
        known = [
            name
            for spec in (hookspecs.Declarations, hookspecs.Watching)
            for name in vars(spec)
            if name.startswith("aigc_")
        ]
        for name in dir(code):
            attribute = inspect.getattr_static(code, name)
            marked = hasattr(attribute, f"{hookspecs.PROJECT}_impl")
            if marked and name not in known:
                close = near_miss(name, known)
                raise PluginError(f"there is no hook {name}" + (f"; did you mean {close}?" if close else ""))
            if name in known and not marked and callable(attribute):
                raise PluginError(f"{name} is not marked with @hookimpl")

    def _collect(self, hook: str, kind: type[S], word: str) -> dict[str, Registered[S]]:
        entries: dict[str, Registered[S]] = {}
        for source in self._sources:
            implementation = source.implementations.get(hook)
            if implementation is None or source.plugin.status != "ok":
                continue
            try:
                specs = _checked(hook, _call(implementation), kind)
                for spec in specs:
                    if earlier := entries.get(spec.name):
                        raise PluginError(f"its {word} {spec.name!r} is already declared by plugin {earlier.plugin}")
                    if [other.name for other in specs].count(spec.name) > 1:
                        raise PluginError(f"declares the {word} {spec.name!r} twice")
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin does, it breaks only itself
                source.plugin.break_down(_explained(hook, error), cause=error)
                self._forget(source.plugin)
                continue
            entries.update({spec.name: Registered(spec, source.plugin) for spec in specs})
        return dict(sorted(entries.items(), key=lambda pair: pair[1].order))

    def _forget(self, plugin: Plugin) -> None:
        """Take back what a plugin declared before it turned out to be broken."""
        for entries in self._declared.values():
            for name in [name for name, entry in entries.items() if entry.plugin is plugin]:
                del entries[name]


def _checked(hook: str, returned: Any, kind: type[S]) -> list[S]:
    if isinstance(returned, (str, bytes)) or not isinstance(returned, Iterable):
        raise PluginError(f"{hook} must return a list of {kind.__name__}, not {type(returned).__name__}")
    specs = list(returned)
    for spec in specs:
        if not isinstance(spec, kind):
            raise PluginError(f"{hook} must return {kind.__name__}s, and one is a {type(spec).__name__}")
    return cast("list[S]", specs)


def _explained(hook: str, error: BaseException) -> str:
    """Say in one line what went wrong in `hook`; an error of ours says enough by itself."""
    text = " ".join(str(error).split())
    return text if isinstance(error, AigcError) else f"{hook}: {type(error).__name__}: {text}"


def _call(implementation: Any, **arguments: Any) -> Any:
    with redirect_stdout(sys.stderr):  # stdout is data; a plugin that talks must not spoil --json
        return implementation.function(**{name: arguments[name] for name in implementation.argnames})
