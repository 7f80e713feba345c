"""From words on the command line to content: a prompt from stdin, what to be like, what to go from and to.

One rule for texts: a word is the text itself, ``@FILE`` what stands in a file, ``@@`` an @ at the start of a text.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_core.cli import terminal
from aigc_core.errors import UsageError

if TYPE_CHECKING:
    from aigc_core.content import Content

#: Bytes of a prompt from stdin: more than the longest prompt can have.
MOST_BYTES = 1_000_000


def prompt_of(word: str | None) -> str | None:
    """Return the prompt; for ``-`` what comes on stdin, without the line end after it.

    stdin is read for ``-`` only. A program that is started by another one often has a stdin that never ends, and in a
    loop over a file's lines it is that file.

    Raises:
        UsageError: nothing comes, or too much, or no UTF-8.
    """
    if word != "-":
        return word
    from aigc_core.provenance import trimmed

    if sys.stdin is not None and sys.stdin.isatty():
        terminal.say("reading the prompt from the keyboard; Ctrl-D ends it")
    given = sys.stdin.buffer.read(MOST_BYTES + 1) if sys.stdin is not None else b""  # it may have been closed
    if len(given) > MOST_BYTES:
        raise UsageError(f"the prompt on stdin has more than {MOST_BYTES:,} bytes", hint="give a shorter one")
    try:
        prompt = trimmed(given.decode())
    except UnicodeDecodeError as error:
        raise UsageError(f"the prompt on stdin is no UTF-8 (byte {error.start})", hint="convert it to UTF-8") from None
    if not prompt:
        raise UsageError("there is no prompt on stdin", hint="pipe one in, or give it instead of -")
    return prompt


def like_of(word: str, modality: str) -> Content:
    """Return what to be like, where that is of `modality`: a text, or what a file holds.

    Raises:
        FileError: the file is missing or damaged.
        UsageError: a text is wanted, and `word` may as well be a file.
    """
    from aigc_core.provenance import read_input

    if modality == "text":
        return text_of(word)
    return read_input(Path(word if _is_file(word) else word.removeprefix("@")))


def input_of(word: str) -> Content:
    """Return what a file holds, a picture or a text, with or without an @ before its name.

    Raises:
        FileError: the file is missing or damaged.
    """
    from aigc_core.provenance import read_input, trimmed

    content = read_input(Path(word if _is_file(word) else word.removeprefix("@")))
    return trimmed(content) if isinstance(content, str) else content


def ends_of(first: str, second: str) -> tuple[int, int] | tuple[str, str]:
    """Return what to go from and to: two seeds where both are whole numbers, else two texts."""
    try:
        return int(first), int(second)
    except ValueError:
        return text_of(first), text_of(second)


def text_of(word: str) -> str:
    """Return the text that `word` is or, with an @ before it, names. Raises as `like_of`."""
    from aigc_core.provenance import read_text

    if word.startswith("@@"):
        return word[1:]
    if word.startswith("@"):
        return read_text(Path(word[1:]))
    if _is_file(word):
        raise UsageError(f"{word!r} is a file here, and a text is wanted", hint=f"for what stands in it: @{word}")
    return word


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except (OSError, ValueError):  # longer than any name, or with a NUL: a text
        return False
