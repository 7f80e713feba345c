"""What a word of ``aigc embed`` and ``aigc search`` names: a text, a file, a folder.

The rule is that of prompts: a word is the text itself, ``@FILE`` what stands in a file, ``@@`` an @ at the start of a
text, ``-`` what comes on stdin. Here, a word that is the path of a file or folder is that one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from aigc_core.cli import terminal
from aigc_core.cli.inputs import prompt_of
from aigc_core.errors import FileError


def query_of(word: str, *, as_text: bool) -> str | Path:
    """Return the text that is looked for, or the path of the picture.

    Raises:
        FileError: there is no such picture, or the file of a text cannot be read.
        UsageError: stdin holds no text.
    """
    from aigc_core.provenance import read_text

    if as_text:
        return word
    if word.startswith("@") and not word.startswith("@@"):
        return read_text(Path(word[1:]).expanduser())
    if word == "-":
        return prompt_of(word) or ""
    path = _path_of(word)
    return path if path is not None and path.is_file() else word.removeprefix("@")


def things_of(words: Sequence[str], *, as_text: bool) -> Iterator[str | Path]:
    """Yield the texts and paths that words name; a file after ``@``, and stdin, have a text a line.

    Raises:
        FileError: as `query_of`, or stdin is no UTF-8.
    """
    from aigc_core.provenance import read_text

    for word in words:
        if as_text:
            yield word
        elif word == "-":
            yield from _lines_of_stdin()
        elif word.startswith("@") and not word.startswith("@@"):
            yield from _stripped(read_text(Path(word[1:]).expanduser()).split("\n"))
        else:
            path = _path_of(word)
            yield word.removeprefix("@") if path is None else path


def _lines_of_stdin() -> Iterator[str]:
    """Yield the lines as they come."""
    if sys.stdin is None:  # it was closed
        return
    if sys.stdin.isatty():
        terminal.say("reading texts from the keyboard, one a line; Ctrl-D ends them")
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield from _stripped([line.decode("utf-8-sig" if number == 1 else "utf-8")])
        except UnicodeDecodeError as error:
            raise FileError(f"line {number} on stdin is no UTF-8", hint="convert it to UTF-8") from error


def _stripped(lines: Iterable[str]) -> Iterator[str]:
    return (stripped for line in lines if (stripped := line.strip()))


def _path_of(word: str) -> Path | None:
    """Return the path of what is there under that name, or None for a text.

    Raises:
        FileError: a word that can hardly be anything but the name of a picture names none.
    """
    from aigc_core.retrieval.pieces import kind_of

    if not word:  # which would be the path of this folder
        return None
    try:
        path = Path(word).expanduser()
        if path.exists():
            return path
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, a ~ without a home: a text
        return None
    if not any(letter.isspace() for letter in word) and kind_of(word) is not None:
        raise FileError(f"there is no file {word}", hint="for the word itself: --text")
    return None
