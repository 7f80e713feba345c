"""Opening embedders, by name or by model: what maps content into a vector space."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from aigc_core.content import modality_of
from aigc_core.errors import AigcError, PluginError, UsageError, blaming, unknown
from aigc_core.models import Model, Models
from aigc_core.pipeline.options import parse_step, validate
from aigc_core.protocols import Classifies, Embedder, Items
from aigc_core.provenance import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from aigc_core.content import JSON, Content
    from aigc_core.registry import Registered, Registry
    from aigc_core.specs import EmbedderSpec


@dataclass(frozen=True)
class ReadyEmbedder:
    """An embedder with its weights.

    Attributes:
        name: with its options, e.g. ``"random-conv width=32"``.
        space_id: only vectors of one space are compared; another one whenever its vectors would be others.
        modalities: of what it looks at.
        model: whose weights it has, or None.
    """

    name: str
    space_id: str
    modalities: tuple[str, ...]
    plugin: str
    embedder: Embedder = field(repr=False)
    model: Model | None = None

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

    def vector(self, content: Content) -> NDArray[np.float32]:
        """Return the vector of one text or picture, float32 ``(D,)``; what can be seen through lies on white.

        Raises:
            UsageError: it does not look at such content, or can make nothing of it.
            PluginError: as `embed`.
        """
        if modality_of(content) not in self.modalities:
            looks = " and ".join(self.modalities)
            raise UsageError(f"embedder {self.name!r} looks at {looks}, not at {modality_of(content)}")
        if isinstance(content, str):
            return self.embed([content]).reshape(-1)
        from aigc_core.data.pictures import pixels_of

        return self.embed(pixels_of(content)[None]).reshape(-1)

    def vectors(self, contents: Sequence[Content]) -> NDArray[np.float32]:
        """Return the vector of each of several texts or pictures, ``(N, D)``; those of one size are embedded at once.

        Raises as `vector`.
        """
        import numpy as np

        from aigc_core.data.pictures import pixels_of

        if any(modality_of(content) not in self.modalities for content in contents):
            return np.stack([self.vector(content) for content in contents])  # says which
        pictures = [pixels_of(content) for content in contents if not isinstance(content, str)]
        if len(pictures) == len(contents) and len({picture.shape for picture in pictures}) == 1:
            return self.embed(np.stack(pictures))
        return np.stack([self.vector(content) for content in contents])

    def probabilities(self, items: Items) -> NDArray[np.float32]:
        """Return the probabilities of ``classes``, float32 ``(N, K)``. Raises as `embed`."""
        assert isinstance(self.embedder, Classifies)
        return self._checked("probabilities", self.embedder.probabilities, items)

    def _checked(self, what: str, call: Any, items: Items) -> NDArray[np.float32]:
        import numpy as np

        who = f"embedder {self.name!r} (plugin {self.plugin})"
        with blaming(who):
            vectors = np.asarray(call(items), np.float32)
        if vectors.ndim != 2 or len(vectors) != len(items):
            raise PluginError(f"{who}: {what} gave {vectors.shape} for {len(items)} items, not one vector each")
        if not np.isfinite(vectors).all():
            raise PluginError(f"{who}: {what} gave numbers that are not finite")
        return vectors


class Embedders:
    """Opens embedders, each once."""

    def __init__(self, registry: Registry, models: Models) -> None:
        self._registry = registry
        self._models = models
        self._open: dict[tuple[str, str, bytes], ReadyEmbedder] = {}

    def open(self, given: str, modality: str | None = None) -> ReadyEmbedder:
        """Return the embedder that `given` names, e.g. ``"digits-cnn"`` or ``"random-conv width=32"``.

        A name is that of an embedder that works without a model, or of a model that is for an embedder.

        Args:
            modality: that it has to look at; None: any.

        Raises:
            UsageError: there is none, it is for another modality, needs a package that is missing, or its options are
                wrong.
            ModelError, PluginError: its weights or its plugin are broken.
        """
        name, options = parse_step(given)
        model, entry = self.find(name)
        spec = entry.spec
        modalities = (spec.modality, *spec.also)
        if modality is not None and modality not in modalities:
            raise UsageError(f"embedder {name!r} looks at {' and '.join(modalities)}, not at {modality}")
        if missing := missing_packages(spec):
            raise UsageError(f"embedder {name!r} needs {', '.join(missing)}", hint=spec.summary or "install it")
        name = model.name if model else name  # a space is that of a model, wherever its folder lies
        cls = self._registry.resolve(spec.options, entry) if spec.options else None
        ready, values = validate(f"embedder {name}", cls, options)
        key = (name, model.sha256 if model else "", canonical(values))
        if key not in self._open:
            embedder = _made(self._registry.resolve(spec.factory, entry), model, ready, entry)
            spelt = " ".join([name, *(f"{key}={values[key]}" for key in options if key in values)])
            space = _space_id(name, model, values, embedder, entry)
            self._open[key] = ReadyEmbedder(spelt, space, modalities, str(entry.plugin), embedder, model)
        return self._open[key]

    def find(self, name: str) -> tuple[Model | None, Registered[EmbedderSpec]]:
        """Return the model called `name`, or in that folder, or None where it needs none, and its embedder.

        Raises:
            UsageError: there is none, or it makes something.
            ModelError: the folder is broken.
        """
        registry = self._registry
        if name in registry.embedders:
            entry = registry.embedders[name]
            if entry.spec.needs_model:
                fitting = sorted(each.spec.name for each in registry.models.values() if each.spec.component == name)
                raise UsageError(f"{name} needs a model", hint=f"for example: {fitting[0]}" if fitting else "train one")
            return None, entry
        try:
            model = self._models.find(name)
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


def missing_packages(spec: EmbedderSpec) -> list[str]:
    """Return the packages that an embedder needs and that are not installed."""
    return [package for package in spec.requires if find_spec(package) is None]


def _space_id(
    name: str, model: Model | None, values: dict[str, JSON], embedder: Embedder, entry: Registered[EmbedderSpec]
) -> str:
    fingerprint = str(getattr(embedder, "fingerprint", ""))
    if not fingerprint and model is None:
        raise PluginError(f"embedder {name!r} (plugin {entry.plugin}) has neither a model nor a fingerprint")
    # Every option may change the vectors; what only says where things are is left out of them by the class itself.
    identity = {"name": name, "model": model.sha256 if model else "", "options": values, "fingerprint": fingerprint}
    return f"{name}@{hashlib.sha256(canonical(identity)).hexdigest()[:16]}"


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
