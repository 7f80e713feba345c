"""The command line, called in this process."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def aigc(capsys):
    """Run ``aigc`` with arguments, and return what it said."""
    from aigc_core.cli import main

    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments, code: int = 0) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = Said(ended.value.code, *capsys.readouterr())
        assert said.code == code, said.err
        return said

    yield run
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def at_a_terminal(monkeypatch):
    """A person is looking at stdout."""
    monkeypatch.setattr("aigc_core.cli.terminal.is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
