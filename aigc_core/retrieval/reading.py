"""From what a person names to pieces: texts, pictures, files of either, folders of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_core.data.pictures import UnusableError
from aigc_core.data.records import Skipped, printable
from aigc_core.data.sources.folder import Folder, read_bytes
from aigc_core.errors import FileError
from aigc_core.retrieval.pieces import KINDS, Piece, View, kind_of, lines_of
from aigc_core.retrieval.queries import check_kind, piece_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from aigc_core.pipeline.embedders import ReadyEmbedder


class Reader:
    """Reads things one by one.

    Attributes:
        skipped: what could not be read so far, and why.
    """

    def __init__(self, embedder: ReadyEmbedder) -> None:
        self._embedder, self._view = embedder, View.of(embedder)
        self._kinds = tuple(kind for kind in KINDS if kind in embedder.modalities)
        self.skipped: list[Skipped] = []

    def pieces(self, things: Iterable[str | Path | Image]) -> Iterator[Piece]:
        """Yield the pieces of each thing: a text, a picture, or the path of a picture, a .txt file or a folder.

        Raises:
            UsageError: a text is empty, or the embedder does not look at such things.
            FileError: there is no such file.
        """
        for thing in things:
            if not isinstance(thing, Path):
                yield piece_of(thing, self._embedder)
            elif thing.is_dir():
                yield from self._of_folder(thing)
            elif not thing.exists():
                raise FileError(f"there is no file or folder {thing}", hint="for the words themselves: --text")
            elif kind_of(thing.name) == "text":
                check_kind(self._embedder, "text", "texts")
                yield from self._lines(thing)
            else:
                check_kind(self._embedder, "image", "pictures")
                yield from self._picture(thing)

    def _of_folder(self, folder: Path) -> Iterator[Piece]:
        files = Folder(folder)
        self.skipped += files.problems
        for name in files.names:
            kind = kind_of(name)
            if kind in self._kinds:
                yield from self._picture(folder / name) if kind == "image" else self._lines(folder / name)

    def _picture(self, path: Path) -> Iterator[Piece]:
        content = read_bytes(path, str(path))
        if isinstance(content, Skipped):
            self.skipped.append(content)
            return
        try:
            pixels = self._view.pixels(content)
        except UnusableError as error:
            self.skipped.append(Skipped(str(path), str(error)))
            return
        yield Piece(printable(str(path)), "image", pixels)

    def _lines(self, path: Path) -> Iterator[Piece]:
        content = read_bytes(path, str(path))
        lines = content if isinstance(content, Skipped) else lines_of(content, str(path))
        if isinstance(lines, Skipped):
            self.skipped.append(lines)
            return
        yield from (Piece(line, "text", line) for _, line in lines)
