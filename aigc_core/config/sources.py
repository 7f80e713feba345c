"""Where settings come from: flag > ``AIGC_*`` > ``./aigc.toml`` > the user's ``aigc.toml`` > default.

Unknown keys are errors with file, line and near miss.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from aigc_core.config.schema import Config, PipelineSection
from aigc_core.errors import UsageError, near_miss

FILE = "aigc.toml"
#: A second name for ``AIGC_PLUGINS_DISABLE``, the one people guess.
ENVIRONMENT_ALIASES = {"AIGC_DISABLE_PLUGINS": "plugins.disable"}

#: Variables that name no setting: a plugin reads them.
OTHERS = frozenset({"AIGC_BASES", "AIGC_INCEPTION"})


def user_file() -> Path:
    """Return the path of the user's own ``aigc.toml``, which need not exist."""
    from platformdirs import user_config_path

    return user_config_path("aigc", appauthor=False) / FILE


@dataclass(frozen=True)
class Settings:
    """The configuration that holds, and where each of its values came from.

    Attributes:
        config: the values.
        origin: dotted key to ``"aigc.toml:3"``, ``"AIGC_…"`` or ``"--flag"``; keys not in it are defaults.
        ignored: ``AIGC_*`` variables that name no setting.
    """

    config: Config
    origin: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def allowing(self, **flags: bool) -> Settings:
        """Return the settings with what flags allow, e.g. ``download=True`` for ``[models] download``."""
        raised = {name: True for name, flag in flags.items() if flag}
        models = self.config.models.model_copy(update=raised)
        origin = {f"models.{name}": f"--{name.replace('_', '-')}" for name in raised}
        return replace(self, config=self.config.model_copy(update={"models": models}), origin={**self.origin, **origin})

    def rows(self) -> list[tuple[str, Any, str]]:
        """Return (dotted key, value, origin) for every setting, defaults included."""
        return [(key, value, self.origin.get(key, "default")) for key, value in _leaves(self.config)]


def load(folder: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read all layers for a command started in `folder`.

    Raises:
        UsageError: a file is not TOML, a key is unknown or a value is wrong, with file and line.
    """
    folder = folder or Path.cwd()
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    project = folder / FILE
    for path, shown in ((user_file(), str(user_file())), (project, FILE)):
        if path.is_file():
            layer, layer_origin = _read(path, shown)
            _merge(values, layer)
            origin.update(layer_origin)
    layer, layer_origin, ignored = _from_environment(environment)
    _merge(values, layer)
    origin.update(layer_origin)
    return Settings(Config.model_validate(values), origin, ignored)


def _read(path: Path, shown: str) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8")
        layer = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{shown} cannot be read: {error}") from error
    try:
        config = Config.model_validate(layer)
    except ValidationError as error:
        raise _explain(error, lambda key: f"{shown}:{_line(text, key)}") from error
    plugins = layer.get("plugins", {})
    if "load" in plugins:  # relative to the file that names them, wherever the command is started
        plugins["load"] = [str(path.parent / Path(part).expanduser()) for part in plugins["load"]]
    given = {key for key, _ in _leaves(config, only_set=True)}
    return layer, {key: f"{shown}:{_line(text, key)}" for key in given}


def _from_environment(
    environment: Mapping[str, str],
) -> tuple[dict[str, Any], dict[str, str], tuple[str, ...]]:
    variables = {f"AIGC_{key.upper().replace('.', '_')}": key for key, _ in _leaves(Config())}
    variables.update(ENVIRONMENT_ALIASES)
    layer: dict[str, Any] = {}
    origin: dict[str, str] = {}
    ignored = []
    for variable in sorted(name for name in environment if name.startswith("AIGC_")):
        if variable in OTHERS:
            continue
        if (key := variables.get(variable)) is None:
            ignored.append(variable)
            continue
        section, _, name = key.partition(".")
        layer.setdefault(section, {})[name] = _parse(
            Config.model_fields[section].annotation, name, environment[variable]
        )
        origin[key] = variable
    try:
        Config.model_validate(layer)
    except ValidationError as error:
        raise _explain(error, lambda key: origin.get(key, "the environment")) from error
    return layer, origin, tuple(ignored)


def _parse(section: Any, name: str, text: str) -> Any:
    is_list = "tuple" in str(section.model_fields[name].annotation)
    return [part.strip() for part in text.split(",") if part.strip()] if is_list else text


def _merge(base: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _leaves(section: BaseModel, prefix: str = "", *, only_set: bool = False) -> list[tuple[str, Any]]:
    names = section.model_fields_set if only_set else type(section).model_fields
    leaves: list[tuple[str, Any]] = []
    for name in type(section).model_fields:
        if name not in names:
            continue
        key, value = f"{prefix}{name}", getattr(section, name)
        if isinstance(value, BaseModel):
            leaves += _leaves(value, f"{key}.", only_set=only_set)
        elif isinstance(value, dict):
            for inner, entry in value.items():
                if isinstance(entry, BaseModel):
                    leaves += _leaves(entry, f"{key}.{inner}.", only_set=only_set)
                else:
                    leaves.append((f"{key}.{inner}", entry))
        else:
            leaves.append((key, value))
    return leaves


def _line(text: str, key: str) -> int:
    """Return the line on which the dotted `key`, or the table it stands in, is set; tomllib keeps no positions."""
    section, best = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+([^\]]+)\]", line):
            named = section = _bare(header[1])
        elif assignment := re.match(r"([^=#\[\]{}]+)=", line):
            named = f"{section}.{_bare(assignment[1])}".lstrip(".")
        else:
            continue
        if named == key:
            return number
        if key.startswith(f"{named}."):
            best = number
    return best


def _bare(key: str) -> str:
    return re.sub(r"[\s\"']", "", key)


def _explain(error: ValidationError, where: Any) -> UsageError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        name = first["loc"][0]
        section: Any = Config if len(first["loc"]) == 1 else Config.model_fields[str(name)].annotation
        close = near_miss(str(first["loc"][-1]), (PipelineSection if name == "pipeline" else section).model_fields)
        hint = f"did you mean {close!r}?" if close else "see: aigc config show"
        return UsageError(f"{where(key)}: unknown key {key!r}", hint=hint)
    if isinstance(first["loc"][-1], int):  # an element of a list: the line is that of its key
        key = key.rpartition(".")[0]
    return UsageError(f"{where(key)}: {key}: {first['msg']}", hint="see: aigc config show")
