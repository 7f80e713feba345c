"""The installed program, run from outside: `AIGC_UNDER_TEST` names it, or it lies beside this Python."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

PROGRAM = os.environ.get("AIGC_UNDER_TEST") or str(Path(sys.executable).with_name("aigc"))

#: The Python that the program runs on.
PYTHON = next((str(path) for path in [Path(PROGRAM).with_name("python")] if path.exists()), sys.executable)

#: Longer than any command takes on a busy machine; only a program that hangs gets here.
PATIENCE = 240


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.acceptance)


@dataclass(frozen=True)
class Ran:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def table(self) -> list[dict[str, str]]:
        """Rows of tab-separated output by column."""
        head, *rows = (line.split("\t") for line in self.out.splitlines())
        return [dict(zip(head, row, strict=True)) for row in rows]

    @property
    def complaints(self) -> list[str]:
        """What is said on stderr, line by line."""
        return self.err.splitlines()


class Program:
    """``aigc`` in a folder, with a home and plugins of its own. Nothing of the caller's environment reaches it."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
        }

    def start(
        self, *arguments: str | Path, env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        """Start a command and return its process."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [PROGRAM, *map(str, arguments)],
            cwd=self.folder,
            env={**self.environment, **(env or {})},
            **{**streams, "text": True, "encoding": "utf-8", **options},
        )

    def end(self, process: subprocess.Popen[str]) -> Ran:
        """Wait for a command, and return what it said. A traceback is never an answer."""
        with process:
            try:
                out, err = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert "Traceback (most recent call last)" not in err, err
        assert "Exception ignored" not in err, err
        return Ran(process.returncode, out or "", err)

    def __call__(
        self, *arguments: str | Path, code: int = 0, env: Mapping[str, str] | None = None, **options: Any
    ) -> Ran:
        """Run a command that has to end with the exit code `code`."""
        ran = self.end(self.start(*arguments, env=env, **options))
        assert ran.code == code, f"exit code {ran.code}, not {code}\nstdout: {ran.out}\nstderr: {ran.err}"
        return ran

    @staticmethod
    def wait_for(ready: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        """Wait until `ready()`, or fail when the process ends before it or takes minutes."""
        deadline = time.monotonic() + PATIENCE
        while not ready():
            try:
                process.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < deadline, "nothing happened"
            else:
                raise AssertionError(f"the program ended: {process.communicate()}")

    def python(self, code: str) -> str:
        """Run `code` with the Python API, and return what it printed."""
        ran = subprocess.run(
            [PYTHON, "-c", dedent(code)], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def install(self, folders: Sequence[str | Path]) -> None:
        """Put folders with installed plugins on the path, the first one first."""
        self.environment["PYTHONPATH"] = os.pathsep.join(map(str, folders))


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> None:
    """Let Ctrl-C reach the programs under test: a job in the background starts with it ignored, and so its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def aigc(tmp_path: Path) -> Program:
    """The program under test, in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    return Program(folder, home)


#: A generator that needs neither weights nor torch, so that most tests start quickly.
STATIC = """
from pydantic import BaseModel, Field

from aigc_core import Final, GeneratorSpec, hookimpl


class Options(BaseModel, extra="forbid"):
    size: int = Field(12, ge=1, le=4096)


class Static:
    def generate(self, items):
        from PIL import Image

        for index, item in enumerate(items):
            pixels = (item.noise.uniform((item.options.size, item.options.size)) * 255).astype("uint8")
            yield Final(index, Image.fromarray(pixels))


@hookimpl
def aigc_generators():
    return [
        GeneratorSpec(
            "acme/static", "image", lambda model: Static(), options=Options, needs_model=False, prompt="optional"
        )
    ]
"""


@pytest.fixture
def write_plugin(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a one-file plugin, and return its path."""

    def write(name: str, code: str) -> Path:
        path = tmp_path / f"{name}.py"
        path.write_text(dedent(code), encoding="utf-8")
        return path

    return write


@pytest.fixture
def static(write_plugin: Callable[[str, str], Path]) -> list[str]:
    """The options that load ``acme/static`` and choose it."""
    return ["--plugin", str(write_plugin("static", STATIC)), "-m", "acme/static"]


@pytest.fixture
def imported(aigc: Program, tmp_path: Path) -> Callable[..., set[str]]:
    """Run a command and return the modules it imported."""
    hook = tmp_path / "sitecustomize-folder"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        dedent("""
            import atexit, os, sys

            def tell():
                with open(os.environ["IMPORTED"], "w") as file:
                    file.write("\\n".join(sys.modules))

            atexit.register(tell)
        """)
    )

    def run(*arguments: str, env: Mapping[str, str] | None = None) -> set[str]:
        listing = tmp_path / "imported.txt"
        path = os.pathsep.join(part for part in (str(hook), aigc.environment.get("PYTHONPATH")) if part)
        aigc(*arguments, env={"PYTHONPATH": path, "IMPORTED": str(listing), **(env or {})})
        return set(listing.read_text().splitlines())

    return run


@pytest.fixture
def limit_file_size() -> Callable[[int], Callable[[], None]]:
    """Make a disk that is full: no file of the command can grow beyond so many bytes."""

    def limit(size: int) -> Callable[[], None]:
        return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


BUNDLED = ("digits-gan", "digits-vae", "digits-ae")


@pytest.fixture(params=BUNDLED)
def bundled(request: pytest.FixtureRequest) -> str:
    """Each bundled model."""
    return str(request.param)


@pytest.fixture
def files(aigc: Program) -> Callable[[], list[str]]:
    """Return all files below the folder the program runs in, hidden ones included."""

    def listed() -> list[str]:
        return sorted(str(path.relative_to(aigc.folder)) for path in aigc.folder.rglob("*") if path.is_file())

    return listed
