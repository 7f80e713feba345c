"""The files of a ZIP or tar archive, read member by member and never unpacked to disk."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from aigc_core.data.records import MAX_BYTES, Skipped
from aigc_core.data.sources.folder import TOO_LARGE
from aigc_core.errors import FileError

#: An archive that is this many times larger when it is expanded is a bomb: pictures hardly shrink. It takes more than
#: `FREE_BYTES` to be one, so that a few flat bitmaps are none.
BOMB_RATIO = 200
FREE_BYTES = 1024**3

#: What the standard library raises over archives that it cannot read.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # zipfile: encrypted, or a compression that it does not know
    ValueError,
)
_BOMB = f"the archive expands to more than {BOMB_RATIO} times its size; it is not read further"


def unsafe(name: str) -> str | None:
    """Say why a member's name is not taken, or None. Nothing is written to it; but who uses such names means harm."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or (len(name) > 1 and name[1] == ":"):
        return "an absolute path in the archive"
    if ".." in path.parts:
        return "a path in the archive that leads out of it"
    return None


def plain(name: str) -> str:
    """Return a member's name without ``./`` before it, as tar writes it."""
    return str(PurePosixPath(name.replace("\\", "/")))


class ZipFiles:
    """Files of a ZIP archive: their `names`, sorted, and the `problems` of the others.

    Raises:
        FileError: it is damaged so that no members can be listed.
    """

    kind = "ZIP archive"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Skipped] = []
        self._members: dict[str, zipfile.ZipInfo] = {}
        expanded, allowed = 0, max(FREE_BYTES, BOMB_RATIO * path.stat().st_size)
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
        except _DAMAGE as error:
            raise FileError(f"{path} is no readable ZIP archive", hint="fetch or pack it again") from error
        for member in members:
            if member.is_dir():
                continue
            reason = unsafe(member.filename) or _unfit(member)
            expanded += member.file_size if reason is None else 0
            if reason is None and expanded > allowed:
                self.problems.append(Skipped(member.filename, _BOMB))
                break
            if reason:
                self.problems.append(Skipped(member.filename, reason))
            else:
                self._members[plain(member.filename)] = member
        self.names = sorted(self._members)

    def contents(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | Skipped]]:
        """Yield each wanted member's name with its bytes, or with why it is not read."""
        with zipfile.ZipFile(self.path) as archive:
            for name in filter(wanted, self.names):
                try:
                    with archive.open(self._members[name]) as file:
                        data = file.read(MAX_BYTES + 1)
                except _DAMAGE:
                    yield name, Skipped(name, "damaged in the archive")
                else:
                    yield name, data if len(data) <= MAX_BYTES else Skipped(name, TOO_LARGE)


def _unfit(member: zipfile.ZipInfo) -> str | None:
    if member.flag_bits & 0x1:
        return "encrypted"
    kind = member.external_attr >> 28  # the upper bits of a Unix mode; 0 where another system packed it
    if kind not in (0, 0o10):
        return "a link or device in the archive"
    if member.file_size > MAX_BYTES:
        return TOO_LARGE
    return None


class TarFiles:
    """Files of a tar archive, compressed or not: their `names`, sorted, and the `problems` of the others.

    Raises:
        FileError: it is damaged so that no members can be listed.
    """

    kind = "tar archive"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Skipped] = []
        self.names: list[str] = []
        self._end = 0  # of the members that are read; behind it stands damage, or a bomb
        allowed = max(FREE_BYTES, BOMB_RATIO * path.stat().st_size)
        expanded = 0
        try:
            with tarfile.open(path) as archive:
                while True:
                    try:
                        member = archive.next()
                    except _DAMAGE:
                        self.problems.append(Skipped(path.name, "the archive is damaged from here on"))
                        break
                    if member is None:
                        break
                    expanded += member.size
                    if expanded > allowed:
                        # Even to step over it would mean to expand it.
                        self.problems.append(Skipped(member.name, _BOMB))
                        break
                    self._end += 1
                    self._note(member)
        except _DAMAGE as error:
            raise FileError(f"{path} is no readable tar archive", hint="fetch or pack it again") from error
        self.names.sort()

    def _note(self, member: tarfile.TarInfo) -> None:
        if member.isdir():
            return
        reason = unsafe(member.name)
        if reason is None and not member.isfile():
            reason = "a link or device in the archive"
        if reason is None and member.size > MAX_BYTES:
            reason = TOO_LARGE
        if reason:
            self.problems.append(Skipped(member.name, reason))
        else:
            self.names.append(plain(member.name))

    def contents(self, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes | Skipped]]:
        """Yield each wanted member's name with its bytes, or with why it is not read; in the order of the archive."""
        known = set(self.names)
        with tarfile.open(self.path) as archive:
            for _ in range(self._end):
                member = archive.next()
                if member is None:
                    return
                name = plain(member.name)
                if not (member.isfile() and name in known and wanted(name)) or unsafe(member.name):
                    continue
                try:
                    file = archive.extractfile(member)
                    data = file.read(MAX_BYTES + 1) if file else b""
                except _DAMAGE:
                    yield name, Skipped(name, "damaged in the archive")
                else:
                    fits = len(data) == member.size and len(data) <= MAX_BYTES
                    yield name, data if fits else Skipped(name, "damaged in the archive")
