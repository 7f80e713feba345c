"""Who judges: the metrics and embedders of the plugin ``aigc_metrics``, on pictures in memory.

A number is named after the space it is measured in: ``FD(digits-cnn)``, ``KID(efficientnet-lite0)``. The metrics are
the product's own, called as ``aigc evaluate`` calls them, so that a benchmark cannot measure with another ruler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

SEED = 0


@dataclass
class Sets:
    """Pictures as a metric wants to see them (``aigc_core.evaluation``'s ``Evidence``)."""

    judge: Judge
    parts: Mapping[str, Any]
    resamples: int = 2
    labels: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    component: Any = None

    @property
    def space(self) -> str:
        return self.judge.name

    def has(self, part: str) -> bool:
        return part in self.parts

    def items(self, part: str) -> Any:
        return self.parts[part]

    def conditions(self, part: str) -> None:
        """Return nothing: no metric that is used here asks for labels."""

    def features(self, part: str) -> Any:
        return self.judge.features(self.parts[part])

    def noise(self, name: str) -> Any:
        from aigc_core import Noise

        return Noise(SEED, f"metric/{name}")


@dataclass
class Judge:
    """An embedder with its name and what it has seen so far.

    Attributes:
        name: e.g. ``"digits-cnn"``.
        embedder: maps uint8 ``(N, C, H, W)`` to float32 ``(N, D)``.
        fingerprint: changes whenever its vectors would.
    """

    name: str
    embedder: Any
    fingerprint: str
    _seen: dict[int, tuple[Any, Any]] = field(default_factory=dict)

    def features(self, pictures: Any) -> Any:
        """Return one vector a picture; those of an array that is asked for again are kept."""
        if id(pictures) not in self._seen:
            self._seen[id(pictures)] = (pictures, self.embedder.embed(pictures))
        return self._seen[id(pictures)][1]

    def measure(self, metric: str, **parts: Any) -> dict[str, Any]:
        """Return by name what a metric says (``Measured``) of pictures, each part uint8 ``(N, C, H, W)``.

        Args:
            metric: ``"frechet"``, ``"kid"``, ``"manifold"``, ``"memorisation"``.
            parts: ``generated``, ``reference``, ``training``, as far as it needs them.
        """
        spec = _declared("aigc_metrics", metric)
        options = resolve(spec.options)() if spec.options is not None else None
        return {found.name: found for found in resolve(spec.metric)(Sets(self, parts), options)}

    def forget(self, pictures: Any) -> None:
        """Drop what was kept of an array."""
        self._seen.pop(id(pictures), None)


def judge(name: str) -> Judge:
    """Load an embedder by the name that ``aigc evaluate --embedder`` knows it by: a model's, or its own."""
    import aigc_metrics

    models = {spec.name: spec for spec in getattr(aigc_metrics, "aigc_models", list)()}
    if name in models:
        from aigc_core.models import open_folder

        spec = models[name]
        model = open_folder(Path(spec.where), spec)
        return Judge(name, resolve(_declared("aigc_embedders", spec.component).factory)(model, None), spec.sha256)
    spec = _declared("aigc_embedders", name)
    options = resolve(spec.options)() if spec.options is not None else None
    embedder = resolve(spec.factory)(None, options)
    return Judge(name, embedder, str(embedder.fingerprint))


def _declared(hook: str, name: str) -> Any:
    import aigc_metrics

    return next(spec for spec in getattr(aigc_metrics, hook)() if spec.name == name)


def resolve(reference: Any) -> Any:
    """Import what a plugin names as ``"module:name"``."""
    if not isinstance(reference, str):
        return reference
    module, _, path = reference.partition(":")
    found: Any = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found
