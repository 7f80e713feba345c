"""Finding models: those that plugins declare, those in the user's folders, and checkpoints that a component adopts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_core.errors import AigcError, ModelError, PluginError, UsageError, unknown
from aigc_core.models.adoption import adopt
from aigc_core.models.folder import MANIFEST, Model, check_spec, open_folder
from aigc_core.registry import Registered, Registry
from aigc_core.specs import ModelSpec, Permissions

if TYPE_CHECKING:
    from aigc_core.config import Config


class Models:
    """All models there are: those that plugins declare, the folders in the user's model path, and what is adopted."""

    def __init__(self, registry: Registry, path: Sequence[Path], allowed: Permissions | None = None) -> None:
        self.registry = registry
        self.path = tuple(path)
        self.allowed = allowed or Permissions()

    @classmethod
    def of(cls, registry: Registry, config: Config) -> Models:
        """Return the models there are under a configuration."""
        return cls(registry, config.model_path, Permissions(config.models.download, config.models.allow_pickle))

    def own(self) -> Iterator[tuple[str, Path]]:
        """Yield name and folder of every model in the user's model path; the first of a name wins."""
        seen = set()
        for root in self.path:
            for manifest in sorted(root.glob(f"*/{MANIFEST}")):
                if (name := manifest.parent.name) not in seen:
                    seen.add(name)
                    yield name, manifest.parent

    def names(self) -> list[str]:
        """Return the names of all models, sorted."""
        return sorted({*self.registry.models, *(name for name, _ in self.own())})

    def find(self, name: str) -> Model:
        """Return the model called `name`, or in the folder `name`.

        Raises:
            UsageError: no such name, with the near miss.
            ModelError: the folder is not what its hashes say.
        """
        if _looks_like_path(name):
            folder = Path(name).expanduser()
            if (folder / MANIFEST).is_file():
                return open_folder(folder)
            if adopted := self._adopt(name):
                return adopted
            if not folder.is_dir():
                raise UsageError(f"there is no model folder {name}", hint="see: aigc models list")
            raise ModelError(f"{name} is no model folder: it has no {MANIFEST}, and no component takes what is there")
        if entry := self.registry.models.get(name):
            return open_bundled(entry)
        for own, folder in self.own():
            if own == name:
                return open_folder(folder)
        if (Path(name) / MANIFEST).is_file():
            return open_folder(Path(name))
        if adopted := self._adopt(name):
            return adopted
        self.registry.explain_missing("model", name)
        fetch = "; a checkpoint of that name is fetched by --download" if "/" in name and any(self._adopting()) else ""
        raise unknown("model", name, self.names(), listing=f"aigc models list{fetch}")

    def _adopting(self) -> Iterator[Registered[Any]]:
        """Yield the components that take checkpoints that were made elsewhere."""
        entries: list[Registered[Any]] = [*self.registry.generators.values(), *self.registry.embedders.values()]
        yield from (entry for entry in entries if entry.spec.adopts is not None)

    def _adopt(self, name: str) -> Model | None:
        """Ask every component that adopts whether it takes `name`, or a folder of that name in the model path."""
        for place in (name, *(str(root / name) for root in self.path if (root / name).is_dir())):
            for entry in self._adopting():
                look = self.registry.resolve(entry.spec.adopts, entry)
                try:
                    found = look(place, self.allowed)
                except AigcError:
                    raise
                except (Exception, SystemExit) as error:
                    raise PluginError(
                        f"plugin {entry.plugin}: {entry.spec.name!r} cannot say whether it takes {name!r}: "
                        f"{type(error).__name__}: {error}"
                    ) from error
                if found is not None:
                    return adopt(found, entry.spec)
        return None


def _bundled_folder(entry: Registered[ModelSpec]) -> Path:
    where = entry.spec.where
    if isinstance(where, Path):
        return where
    package, _, relative = where.partition(":")
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise PluginError(f"plugin {entry.plugin}: model {entry.spec.name!r}: no package {package!r}")
    return Path(found.submodule_search_locations[0], relative)


def open_bundled(entry: Registered[ModelSpec]) -> Model:
    """Open a model that a plugin declares, and hold its manifest against the declared sha256."""
    model = open_folder(_bundled_folder(entry), entry.spec)
    check_spec(model)
    return model


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "~", "/")) or "\\" in name or name.count("/") > 1 or Path(name).is_absolute()
