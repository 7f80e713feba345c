"""Finding plugins, one entry point at a time, so that a broken one breaks nothing but itself.

Never ``load_setuptools_entrypoints``: it stops at the first error, names nobody, and goes in the order of the file
system (pluggy issues 64 and 154).
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

from aigc_core.specs import NAME
from aigc_core.version import __version__

GROUP = "aigc"
DISTRIBUTION = "aigc-core"

Origin = Literal["built-in", "installed", "file"]


@dataclass(slots=True)
class Plugin:
    """One plugin as it was found, and what became of it.

    Attributes:
        name: of its entry point, or of its file.
        version: of its distribution, or ``"sha256:…"`` of its file.
        origin: where it came from.
        source: distribution or file, for messages.
        status: ``ok``, ``disabled`` or ``broken``.
        error: one line: why it is broken.
        mend: the command or change that mends it.
        cause: the exception, for ``--debug``.
    """

    name: str
    version: str
    origin: Origin
    source: str
    status: Literal["ok", "disabled", "broken"] = "ok"
    error: str = ""
    mend: str = ""
    cause: BaseException | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def order(self) -> tuple[int, str]:
        """Built-ins first, then by name: an order that no installation changes."""
        return (0 if self.origin == "built-in" else 1, self.name)

    def break_down(self, error: str, *, mend: str = "", cause: BaseException | None = None) -> None:
        """Mark the plugin broken; what it declared is not used."""
        self.status, self.error, self.cause = "broken", error, cause
        self.mend = mend or self._way_out

    @property
    def _way_out(self) -> str:
        if self.origin == "file":
            return f"mend {self.source}"
        return f"pip install -U {self.source}, or leave it out: aigc -p no:{self.name} …"

    @property
    def complaint(self) -> str:
        """The one line that is printed of a broken plugin."""
        return f"plugin {self} is broken: {self.error} ({self.mend})"


class IncompatibleError(Exception):
    """The plugin asks for another version of the core."""


def installed() -> Iterator[tuple[Plugin, EntryPoint]]:
    """Yield every installed entry point of the group, in the one order there is, importing nothing."""
    found = []
    for entry in entry_points(group=GROUP):
        distribution = entry.dist
        name = distribution.name if distribution else "unknown"
        version = distribution.version if distribution else "0"
        origin: Origin = "built-in" if _canonical(name) == DISTRIBUTION else "installed"
        found.append((Plugin(entry.name, version, origin, name), entry))
    yield from sorted(found, key=lambda pair: (pair[0].order, pair[0].source, pair[1].value))


def import_entry(plugin: Plugin, entry: EntryPoint) -> Any:
    """Import what `entry` points at; any failure marks the plugin broken and gives None."""
    try:
        if plugin.origin == "installed" and entry.dist:
            _check_compatible(entry.dist)
        with redirect_stdout(sys.stderr):  # stdout is data; a plugin that greets must not spoil --json
            return _instance(entry.load())
    except KeyboardInterrupt:
        raise
    except IncompatibleError as error:
        plugin.break_down(
            str(error), mend=f"pip install -U {DISTRIBUTION}, or leave it out: aigc -p no:{plugin.name} …"
        )
    except BaseException as error:  # noqa: BLE001 - SystemExit at import must not end the program either
        plugin.break_down(_one_line(error, "on import"), cause=error)
    return None


def import_file(path: Path) -> tuple[Plugin, Any]:
    """Import a one-file plugin; any failure marks it broken and gives None."""
    plugin = Plugin(path.stem, "0", "file", str(path))
    if not NAME.fullmatch(path.stem.lower()):
        # The name stands in recipes, where nothing may look like a path.
        plugin.break_down("its name is more than letters, digits, - and _", mend="rename the file")
        return plugin, None
    try:
        plugin.version = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
        spec = importlib.util.spec_from_file_location(f"aigc_file_plugin_{path.stem}", path)
        if spec is None or spec.loader is None:
            plugin.break_down("is not a Python file", mend="name a .py file")
            return plugin, None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses and pydantic look their module up
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
        return plugin, module
    except KeyboardInterrupt:
        raise
    except OSError as error:
        plugin.break_down(f"{error.strerror}: {path}", mend="check the path given to --plugin", cause=error)
    except BaseException as error:  # noqa: BLE001
        plugin.break_down(_one_line(error, "on import"), cause=error)
    return plugin, None


def _instance(found: Any) -> Any:
    if inspect.isclass(found):
        raise TypeError(f"the entry point names the class {found.__name__}; name a module, or an instance of it")
    return found


def _check_compatible(distribution: Distribution) -> None:
    from packaging.requirements import InvalidRequirement, Requirement

    for text in distribution.requires or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if _canonical(requirement.name) != DISTRIBUTION or "extra" in str(requirement.marker or ""):
            continue
        if not requirement.specifier.contains(__version__, prereleases=True):
            raise IncompatibleError(f"needs {DISTRIBUTION}{requirement.specifier}, and this is {__version__}")


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _one_line(error: BaseException, when: str) -> str:
    if isinstance(error, SystemExit):
        return f"calls sys.exit({error.code!r}) {when}"
    text = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__} {when}: {text}"


def rival(plugin: Plugin, others: Iterable[Plugin]) -> Plugin | None:
    """Return an earlier plugin of the same name, if there is one that is not left out."""
    return next((other for other in others if other.name == plugin.name and other.status != "disabled"), None)
