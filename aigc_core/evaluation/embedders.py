"""Finding embedders: by name, by model, or the one that fits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from aigc_core.errors import AigcError, PluginError, UsageError, unknown
from aigc_core.evaluation.blame import blaming
from aigc_core.evaluation.contract import Classifies, Embedder, Items
from aigc_core.evaluation.records import Eye
from aigc_core.pipeline.options import parse_step, validate
from aigc_core.provenance import canonical

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aigc_core.models import Model
    from aigc_core.pipeline import Pipeline
    from aigc_core.registry import Registered
    from aigc_core.specs import EmbedderSpec


@dataclass(frozen=True)
class ReadyEmbedder:
    """An embedder with its weights.

    Attributes:
        eye: its name with its options, and its space: only vectors of one space are compared.
    """

    eye: Eye
    plugin: str
    embedder: Embedder = field(repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes it names, or none."""
        return tuple(self.embedder.labels) if isinstance(self.embedder, Classifies) else ()

    def embed(self, items: Items) -> NDArray[np.float32]:
        """Return one vector an item, float32 ``(N, D)``.

        Raises:
            PluginError: the embedder failed, or gave anything else.
        """
        return self._checked("embed", self.embedder.embed, items)

    def probabilities(self, items: Items) -> NDArray[np.float32]:
        """Return the probabilities of ``classes``, float32 ``(N, K)``. Raises as `embed`."""
        assert isinstance(self.embedder, Classifies)
        return self._checked("probabilities", self.embedder.probabilities, items)

    def _checked(self, what: str, call: Any, items: Items) -> NDArray[np.float32]:
        import numpy as np

        who = f"embedder {self.eye.name!r} (plugin {self.plugin})"
        with blaming(who):
            vectors = np.asarray(call(items), np.float32)
        if vectors.ndim != 2 or len(vectors) != len(items):
            raise PluginError(f"{who}: {what} gave {vectors.shape} for {len(items)} items, not one vector each")
        if not np.isfinite(vectors).all():
            raise PluginError(f"{who}: {what} gave numbers that are not finite")
        return vectors


def open_embedder(pipeline: Pipeline, given: str, modality: str) -> ReadyEmbedder:
    """Return the embedder that `given` names, e.g. ``"digits-cnn"`` or ``"random-conv width=32"``.

    A name is that of an embedder that works without a model, or of a model that is for an embedder.

    Raises:
        UsageError: there is none, it is for another modality, needs a package that is missing, or its options are
            wrong.
        ModelError, PluginError: its weights or its plugin are broken.
    """
    name, options = parse_step(given)
    registry = pipeline.registry
    model: Model | None = None
    if name in registry.embedders:
        entry = registry.embedders[name]
        if entry.spec.needs_model:
            fitting = sorted(each.spec.name for each in registry.models.values() if each.spec.component == name)
            raise UsageError(
                f"{name} needs a model", hint=f"for example: --embedder {fitting[0]}" if fitting else "train one"
            )
    else:
        model, entry = _of_model(pipeline, name)
        name = model.name  # a space is that of a model, wherever its folder lies
    if modality not in (entry.spec.modality, *entry.spec.also):
        raise UsageError(f"embedder {name!r} looks at {entry.spec.modality}, not at {modality}")
    if missing := missing_packages(entry.spec):
        raise UsageError(f"embedder {name!r} needs {', '.join(missing)}", hint=entry.spec.summary or "install it")
    cls = registry.resolve(entry.spec.options, entry) if entry.spec.options else None
    ready, values = validate(f"embedder {name}", cls, options)
    embedder = _made(registry.resolve(entry.spec.factory, entry), model, ready, entry)
    fingerprint = str(getattr(embedder, "fingerprint", ""))
    if not fingerprint and model is None:
        raise PluginError(f"embedder {name!r} (plugin {entry.plugin}) has neither a model nor a fingerprint")
    # Every option may change the vectors; what only says where things are is left out of them by the class itself.
    identity = {"name": name, "model": model.sha256 if model else "", "options": values, "fingerprint": fingerprint}
    space = f"{name}@{hashlib.sha256(canonical(identity)).hexdigest()[:16]}"
    spelt = " ".join([name, *(f"{key}={values[key]}" for key in options if key in values)])
    return ReadyEmbedder(Eye(name=spelt, space_id=space), str(entry.plugin), embedder)


def _of_model(pipeline: Pipeline, name: str) -> tuple[Model, Registered[EmbedderSpec]]:
    registry = pipeline.registry
    try:
        model = pipeline.planner.models.find(name)
    except UsageError:
        embedders = [each for each, entry in registry.embedders.items() if not entry.spec.needs_model]
        models = [each for each, entry in registry.models.items() if entry.spec.component in registry.embedders]
        raise unknown("embedder", name, [*embedders, *models], listing="aigc plugins list") from None
    if model.manifest.component not in registry.embedders:
        raise UsageError(
            f"{name} is no embedder: it is for {model.manifest.component}, which makes things",
            hint="see: aigc plugins list",
        )
    return model, registry.embedders[model.manifest.component]


def _made(factory: Any, model: Model | None, options: Any, entry: Registered[EmbedderSpec]) -> Embedder:
    who = f"embedder {entry.spec.name!r} (plugin {entry.plugin})"
    try:
        embedder = factory(model, options)
    except AigcError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{who} cannot be made: {type(error).__name__}: {error}") from error
    if not isinstance(embedder, Embedder):
        raise PluginError(f"{who} has no method embed(items)")
    return embedder


def missing_packages(spec: EmbedderSpec) -> list[str]:
    """Return the packages that an embedder needs and that are not installed."""
    return [package for package in spec.requires if find_spec(package) is None]


def default_embedder(pipeline: Pipeline, modality: str, shape: Sequence[int], named: str | None) -> tuple[str, str]:
    """Return the name of the embedder to take where nobody named one, and why.

    Args:
        named: the one that the model itself names, in ``metrics.json``.

    Raises:
        UsageError: there is none for such content.
    """
    if named:
        return named, "the model names it"
    passed = ""
    for name, entry in pipeline.registry.embedders.items():
        spec = entry.spec
        if spec.modality != modality or spec.default_for is None or not spec.default_for(shape):
            continue
        if missing_packages(spec):
            passed = f"; {name} would come first, but is not installed ({spec.summary})"
            continue
        return name, f"the first that takes {modality} of {'×'.join(map(str, shape))}{passed}"
    raise UsageError(f"there is no embedder for {modality}", hint="name one: --embedder NAME")
