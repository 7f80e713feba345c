"""Bringing an index up to what a folder holds: only what is new or has changed is embedded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.data.pictures import UnusableError
from aigc_core.data.records import Skipped
from aigc_core.data.sources.folder import Folder
from aigc_core.retrieval.embedding import embed_items
from aigc_core.retrieval.pieces import KINDS, Kind, Piece, View, kind_of, lines_of
from aigc_core.retrieval.settled import Snapshot, State, gone, read_settled
from aigc_core.retrieval.store import FileEntry, Stored, assemble

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aigc_core.pipeline.embedders import ReadyEmbedder

Progress = Callable[[int, int], None]
Save = Callable[[Stored, bytes], None]

#: Items that are embedded, at least, before an unfinished index is put on the disk; it is written whole each time, so
#: they are a share of all, too.
_WORTH_SAVING, _SHARE = 256, 4


@dataclass(frozen=True, slots=True)
class Changes:
    """What was different, in items; and what is not in the index.

    Attributes:
        kept: items whose vectors were there already, under this name or another.
        embedded: items that were new or had changed.
        removed: files of the old index that are gone, or have another name now.
        skipped: files that cannot be read, and why.
        others: files that hold neither pictures nor lines of text, or such as the embedder does not look at.
    """

    kept: int
    embedded: int
    removed: int
    skipped: tuple[Skipped, ...]
    others: int


class Refresh:
    """One going through a folder.

    Args:
        folder: what is indexed; hidden files are left out.
        embedder: looks at the pictures, the texts, or both.
        before: the index so far, of the same space, or None.
        save: puts an index on the disk.
        on_progress: told how many of the files that had to be read are done.
    """

    def __init__(
        self,
        folder: Path,
        embedder: ReadyEmbedder,
        before: Stored | None,
        save: Save,
        on_progress: Progress | None = None,
    ) -> None:
        self._folder, self._embedder, self._before = folder, embedder, before
        self._save, self._on_progress = save, on_progress
        self._kinds = tuple(kind for kind in KINDS if kind in embedder.modalities)
        self._old = {entry.path: entry for entry in before.manifest.files} if before else {}
        self._done: dict[str, tuple[FileEntry, NDArray[np.float32]]] = {}
        self._alike: dict[tuple[Kind, str], tuple[FileEntry, NDArray[np.float32]]] = {}
        self._skipped: list[Skipped] = []
        self._others = 0
        self._items = self._embedded = self._unsaved = 0

    def run(self) -> tuple[Stored | None, Changes]:
        """Do it, and return the index, or None where there is nothing to be found, and what was different.

        Where it is interrupted or fails, what is embedded so far is saved, and the next time goes on from there.
        """
        unread = self._look()
        for path, entry in self._old.items() if unread else ():
            self._alike[entry.kind, entry.sha256] = self._known(path)
        try:
            self._embed(unread)
        except BaseException:
            if self._unsaved:
                self._checkpoint()
            raise
        entries = {path: entry for path, (entry, _) in self._done.items()}
        if self._before is not None and entries == self._old:
            return self._before, self._changes()
        found = assemble(self._embedder, [self._done[path] for path in sorted(self._done)])
        if found is None:
            return None, self._changes()
        self._save(*found)
        return found[0], self._changes()

    def _known(self, path: str) -> tuple[FileEntry, NDArray[np.float32]]:
        assert self._before is not None
        return self._old[path], self._before.rows(self._old[path])

    def _look(self) -> list[tuple[str, Kind]]:
        """Keep what is as it was, and return the other files."""
        files, unread = Folder(self._folder), []
        self._skipped += files.problems
        for name in files.names:
            kind = kind_of(name)
            if kind not in self._kinds:
                self._others += 1
                continue
            try:
                name.encode()
                state = State.of((self._folder / name).stat())
            except UnicodeEncodeError:
                self._skipped.append(Skipped(name, "a name that is no UTF-8"))
            except OSError as error:
                self._skipped.append(Skipped(name, gone(error)))
            else:
                if name in self._old and self._old[name].state == state:
                    self._take(*self._known(name))
                else:
                    unread.append((name, kind))
        return unread

    def _embed(self, unread: list[tuple[str, Kind]]) -> None:
        """Read the files, and embed those whose content is new."""
        waiting: deque[FileEntry] = deque()  # files whose pieces are on their way, in order
        vectors: list[NDArray[np.float32]] = []
        for _, vector in embed_items(self._embedder, self._pieces(unread, waiting)):
            vectors.append(_of_length_one(vector))
            if len(vectors) == waiting[0].count:
                self._finish(waiting.popleft(), np.stack(vectors))
                vectors = []

    def _finish(self, entry: FileEntry, vectors: NDArray[np.float32]) -> None:
        self._take(entry, vectors)
        self._alike[entry.kind, entry.sha256] = (entry, vectors)
        self._embedded += entry.count
        self._unsaved += entry.count
        if self._unsaved >= max(_WORTH_SAVING, self._items // _SHARE):
            self._checkpoint()

    def _take(self, entry: FileEntry, vectors: NDArray[np.float32]) -> None:
        self._done[entry.path] = (entry, vectors)
        self._items += entry.count

    def _checkpoint(self) -> None:
        """Save what is done, and what may still be found again under another name."""
        rest = {path: self._known(path) for path in self._old if path not in self._done}
        files = {**rest, **self._done}
        found = assemble(self._embedder, [files[path] for path in sorted(files)])
        assert found is not None  # something has been embedded
        self._save(*found)
        self._unsaved = 0

    def _pieces(self, unread: list[tuple[str, Kind]], waiting: deque[FileEntry]) -> Iterator[Piece]:
        """Yield what has to be embedded; each file of which something is yielded is in `waiting` before."""
        view = View.of(self._embedder)
        for number, (name, kind) in enumerate(unread, 1):
            snapshot = read_settled(self._folder / name, name)
            if isinstance(snapshot, Skipped):
                self._skipped.append(snapshot)
            else:
                yield from self._pieces_of(name, kind, snapshot, view, waiting)
            if self._on_progress is not None:
                self._on_progress(number, len(unread))

    def _pieces_of(
        self, name: str, kind: Kind, snapshot: Snapshot, view: View, waiting: deque[FileEntry]
    ) -> Iterator[Piece]:
        facts = {
            "path": name,
            "size": snapshot.state.size,
            "mtime_ns": snapshot.state.modified,
            "sha256": snapshot.sha256,
        }
        if same := self._alike.get((kind, snapshot.sha256)):
            self._take(same[0].model_copy(update=facts), same[1])
            return
        entry = FileEntry(kind=kind, **facts)
        if kind == "image":
            try:
                pixels = view.pixels(snapshot.content)
            except UnusableError as error:
                self._without(entry, str(error))
                return
            waiting.append(entry)
            yield Piece(name, kind, pixels)
            return
        lines = lines_of(snapshot.content, name)
        if isinstance(lines, Skipped) or not lines:
            self._without(entry, lines.reason if isinstance(lines, Skipped) else "no text in it")
            return
        waiting.append(entry.model_copy(update={"lines": tuple(lines)}))
        yield from (Piece(line, kind, line) for _, line in lines)

    def _without(self, entry: FileEntry, problem: str) -> None:
        """Note a file that has no items, so that it is not read again as long as it stays as it is."""
        self._take(entry.model_copy(update={"problem": problem}), np.empty((0, 0), np.float32))

    def _changes(self) -> Changes:
        entries = [entry for entry, _ in self._done.values()]
        unusable = [Skipped(entry.path, entry.problem) for entry in entries if entry.problem]
        return Changes(
            kept=self._items - self._embedded,
            embedded=self._embedded,
            removed=len(self._old.keys() - self._done.keys()),
            skipped=(*self._skipped, *unusable),
            others=self._others,
        )


def _of_length_one(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a vector of length 1, so that similarity is one product; zeros stay zeros, alike to nothing."""
    length = np.linalg.norm(vector.astype(np.float64))
    return (vector / length).astype(np.float32) if length else vector
