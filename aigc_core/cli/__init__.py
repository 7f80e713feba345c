"""The command line: one file for one command. `main` is what ``aigc`` runs."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from aigc_core.cli import terminal
from aigc_core.cli.app import app
from aigc_core.cli.state import State
from aigc_core.errors import AigcError


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run ``aigc`` with `arguments` (default: those of the process) and exit with the code of design section 9."""
    state = State()
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        code = app(args=arguments, prog_name="aigc", standalone_mode=False, obj=state)
        sys.stdout.flush()
    except (AigcError, TyperException) as error:
        if state.debug:
            raise
        code = _explain(error)
    except typer.Abort:
        code = 130
    except OSError as error:
        if state.debug:
            raise
        _give_up_stdout()
        where = f"{error.filename}: " if error.filename else ""
        print(f"aigc: {where}{error.strerror or error} (see it whole: aigc --debug …)", file=sys.stderr)  # noqa: T201
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: AigcError | TyperException) -> int:
    """Print the error in one line, and its hint, and return its exit code."""
    message = error.message if isinstance(error, AigcError) else error.format_message()
    if message.startswith("Usage: ") or not message:  # no arguments at all: the message is the help itself
        print(message.rstrip(), file=sys.stderr, end="\n" if message else "")  # noqa: T201
        return error.exit_code
    hint = getattr(error, "hint", None)
    line = " ".join(str(message).split())
    terminal.say(f"{line} ({hint})" if hint else line)
    return error.exit_code


def _give_up_stdout() -> None:
    """Throw away what stdout cannot take; the interpreter would try once more, and complain in its own words."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    """Treat SIGTERM as Ctrl-C: finished files stay, and the ledger says interrupted."""
    raise KeyboardInterrupt
