"""In what a text file is encoded: found out, or refused; never guessed into nonsense."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from aigc_core.data.records import Skipped
from aigc_core.errors import FileError, UsageError

#: Bytes at the start of a file that its encoding is found out from.
LOOKED_AT = 1 << 20

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # it begins with the mark of UTF-16, so it is looked for first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: Of Chinese text, this share of what is not ASCII lies in the first plane of GB 2312 at least: 3,755 common
#: characters and the punctuation. What is read as Chinese by mistake is scattered over 24,000.
_COMMON = 0.9


def encoding_of(start: bytes, name: str) -> str:
    """Return the encoding of a text that begins with `start`: UTF-8, UTF-16 or -32 with a mark, or GB 18030.

    Args:
        start: the whole content, or the first `LOOKED_AT` bytes of it.
        name: of the file, for the error.

    Raises:
        UsageError: it is no text, or in an encoding that cannot be told for sure.
    """
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if b"\0" in start:
        raise UsageError(f"{name} is no text: it holds bytes that no text has", hint="give a plain text file")
    whole = len(start) < LOOKED_AT
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start, final=whole)
    except UnicodeDecodeError as error:
        if _is_chinese(start, whole=whole):
            return "gb18030"
        raise UsageError(
            f"{name} is not UTF-8 (byte {error.start:,} is 0x{start[error.start]:02x}), and what it is cannot be told",
            hint=f"say which it is: --set encoding=latin-1; or convert it: iconv -f ENCODING -t UTF-8 {name}",
        ) from error
    return "utf-8"


def _is_chinese(start: bytes, *, whole: bool) -> bool:
    try:
        text = codecs.getincrementaldecoder("gb18030")().decode(start, final=whole)
    except UnicodeDecodeError:
        return False
    beyond = [letter for letter in text if not letter.isascii()]
    return sum(_is_common(letter) for letter in beyond) >= _COMMON * len(beyond)


def _is_common(letter: str) -> bool:
    code = letter.encode("gb18030")
    # Rows 1 to 9 hold signs and foreign letters, rows 16 to 55 the common characters; each begins at byte 0xa0.
    row = code[0] - 0xA0
    return len(code) == 2 and code[1] >= 0xA1 and (row in (1, 3) or 16 <= row <= 55)


def check_encoding(encoding: str) -> str:
    """Return the encoding as Python spells it. Raises UsageError where there is none of that name."""
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise UsageError(f"there is no encoding {encoding!r}", hint="for example: utf-8, gb18030, latin-1") from error


def decoded(content: bytes, name: str, encoding: str | None) -> str | Skipped:
    """Return the text of a small file, or say why there is none."""
    try:
        return content.decode(encoding or encoding_of(content[:LOOKED_AT], name))
    except UsageError:
        return Skipped(name, "no text in an encoding that can be told")
    except UnicodeDecodeError:
        return Skipped(name, f"not {encoding or 'UTF-8'} throughout")


def text_lines(path: Path, encoding: str | None) -> Iterator[str | Skipped]:
    """Yield the lines of a text file without their ends, reading as it goes; those that are damaged as `Skipped`.

    Raises:
        FileError: it cannot be read.
        UsageError: it is no text, or in no encoding that can be told.
    """
    try:
        with path.open("rb") as file:
            found = encoding or encoding_of(file.read(LOOKED_AT), path.name)
        if found in ("utf-16", "utf-32"):  # their line ends are no single bytes
            with path.open(encoding=found) as text:
                yield from (line.rstrip("\r\n") for line in text)
            return
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if number == 1 and found == "utf-8-sig":
                    line = line.removeprefix(codecs.BOM_UTF8)
                try:
                    yield line.rstrip(b"\r\n").decode("utf-8" if found == "utf-8-sig" else found)
                except UnicodeDecodeError:
                    yield Skipped(f"line {number}", f"not {found.upper().removesuffix('-SIG')}")
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeError as error:
        raise FileError(f"{path} is damaged: {error}") from error
