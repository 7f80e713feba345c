"""``aigc doctor``: is everything here that aigc needs?"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer

from aigc_core.cli import terminal
from aigc_core.cli.arguments import Json
from aigc_core.cli.state import State
from aigc_core.errors import AigcError

Finding = tuple[str, str, str]  # what, "ok" | "warning" | "problem", says

PACKAGES = (
    "aigc-core",
    "torch",
    "accelerate",
    "transformers",
    "pluggy",
    "typer",
    "rich",
    "pydantic",
    "pillow",
    "numpy",
    "safetensors",
)


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Check the installation: packages, torch, plugins, models, folders, settings. Exit code 1 on a problem."""
    state = context.ensure_object(State)
    findings = [*_packages(), *_torch(), *_settings(), *_pipeline(state)]
    if as_json:
        terminal.print_json([{"what": what, "status": status, "says": says} for what, status, says in findings])
    else:
        terminal.print_table(["what", "status", "says"], findings)
    raise typer.Exit(1 if any(status == "problem" for _, status, _ in findings) else 0)


def _packages() -> Iterator[Finding]:
    yield "python", "ok", f"{platform.python_version()} at {sys.executable}"
    for package in PACKAGES:
        try:
            yield package, "ok", version(package)
        except PackageNotFoundError:
            yield package, "problem", f"not installed; pip install {package}"
    try:
        found = version("torchvision")
        yield (
            "torchvision",
            "warning",
            f"{found}: aigc never uses it, and one that does not match torch breaks transformers",
        )
    except PackageNotFoundError:
        pass


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield "import torch", "problem", f"{error}; pip install --force-reinstall torch"
        return
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    yield "import torch", "ok", f"{device}, {torch.get_num_threads()} threads"


def _settings() -> Iterator[Finding]:
    from aigc_core.config import FILE, load, user_file

    try:
        settings = load()
    except AigcError as error:
        yield "settings", "problem", str(error)
        return
    files = [str(path) for path in (user_file(), Path(FILE)) if path.is_file()]
    yield "settings", "ok", ", ".join(files) or "defaults only"
    for variable in settings.ignored:
        yield variable, "warning", "names no setting; see: aigc config show"
    from aigc_core.runs import Ledger

    try:
        Ledger(settings.config.ledger_path).runs(1)
        yield "run ledger", "ok", str(settings.config.ledger_path)
    except AigcError as error:
        yield "run ledger", "problem", str(error)


def _pipeline(state: State) -> Iterator[Finding]:
    try:
        pipeline = state.pipeline()
    except AigcError as error:
        yield "plugins", "problem", str(error)
        return
    for plugin in pipeline.registry.plugins:
        status = "problem" if plugin.status == "broken" else "ok"
        yield f"plugin {plugin.name}", status, plugin.error or f"{plugin.version}, {plugin.status}"
    for name in pipeline.planner.models.names():
        try:
            model = pipeline.planner.models.find(name)
            model.verify()
            yield f"model {name}", "ok", f"sha256 {model.sha256[:12]}…"
        except AigcError as error:
            yield f"model {name}", "problem", str(error)
