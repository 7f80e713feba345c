"""Opening the index of a folder: which model it is for, where it is kept, and whether it still fits."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_core.data.survey import described, tallies
from aigc_core.errors import FileError, UsageError
from aigc_core.pipeline.options import parse_step
from aigc_core.retrieval.index import Index
from aigc_core.retrieval.refreshing import Changes, Progress, Refresh
from aigc_core.retrieval.store import BrokenIndexError, Manifest, Stored, is_index, load, save

if TYPE_CHECKING:
    from aigc_core.pipeline import Pipeline
    from aigc_core.pipeline.embedders import ReadyEmbedder

#: Where the index of a folder is kept, if nobody says otherwise.
BESIDE = ".aigc-index"

Say = Callable[[str], None]


def open_index(
    where: str | Path,
    *,
    model: str | None = None,
    index: str | Path | None = None,
    rebuild: bool = False,
    pipeline: Pipeline | None = None,
    on_progress: Progress | None = None,
    say: Say | None = None,
) -> Index:
    """Return the index of a folder, brought up to what the folder holds; or an index as it is.

    Args:
        where: a folder with pictures and text files, at any depth; or one with an index, whose folder may be gone.
        model: a model whose embedder, or an embedder that, makes the vectors. Default: that of the index there is,
            or the first model that maps several modalities into one space.
        index: folder to keep the index in. Default: ``.aigc-index`` in the folder, or nowhere if it is read-only.
        rebuild: embed everything anew.
        pipeline: where plugins and models are from. Default: one of its own.
        on_progress: told how many files are read, and of how many that had to be.
        say: told in one line what a person should know; default: the ``aigc`` logger.

    Raises:
        FileError: there is no such folder, the index that `where` is cannot be used, `index` cannot be written.
        UsageError: the index was made by another model, the folder holds nothing to be found, there is no model.
        ModelError, PluginError: the embedder is broken.
    """
    from aigc_core.pipeline import Pipeline

    where, pipeline = Path(where).expanduser(), pipeline or Pipeline()
    say = say or logging.getLogger("aigc").warning
    _check_folder(where)
    if index is None and is_index(where):
        if rebuild:
            raise UsageError(f"{where} is an index, which is made of a folder", hint="name the folder: --in FOLDER")
        return _as_it_is(where, pipeline, model)
    place = where / BESIDE if index is None else Path(index).expanduser()
    before = _before(place, say)
    embedder = _embedder(pipeline, model, before.manifest if before else None)
    if rebuild:
        before = None
    if before is not None:
        _check_space(before.manifest, embedder, place)
    keeping = _Keeping(place, say, required=index is not None)
    if before is None:
        keeping.check()
    found, changes = Refresh(where, embedder, before, keeping.save, on_progress).run()
    if changes.skipped:
        say(f"skipped: {'; '.join(described(tally) for tally in tallies(changes.skipped))}")
    if found is None:
        raise _nothing(where, embedder, changes)
    return Index(found, embedder, folder=where, place=keeping.place, changes=changes)


def _check_folder(where: Path) -> None:
    try:
        there, folder = where.exists(), where.is_dir()
    except (OSError, ValueError) as error:
        raise FileError(f"{where} cannot be looked into: {error}") from error
    if not there:
        raise FileError(f"there is no folder {where}", hint="give the folder to search: --in FOLDER")
    if not folder:
        raise UsageError(f"{where} is a file", hint="give the folder that it lies in: --in FOLDER")


def _as_it_is(where: Path, pipeline: Pipeline, model: str | None) -> Index:
    """Return the index in the folder `where` itself; what it was made of may be elsewhere."""
    try:
        stored = load(where)
    except BrokenIndexError as error:
        raise FileError(
            f"the index in {where} is broken: {error}", hint="search what it was made of, and it is made anew"
        ) from error
    assert stored is not None
    embedder = _embedder(pipeline, model, stored.manifest)
    _check_space(stored.manifest, embedder, where)
    folder = where.resolve().parent if where.resolve().name == BESIDE else None
    return Index(stored, embedder, folder=folder, place=where)


def _before(place: Path, say: Say) -> Stored | None:
    try:
        return load(place)
    except BrokenIndexError as error:
        say(f"the index in {place} is broken and is made anew: {error}")
        return None


def _embedder(pipeline: Pipeline, given: str | None, manifest: Manifest | None) -> ReadyEmbedder:
    if given is None and manifest is not None:
        return _embedder_of(pipeline, manifest)
    return open_any(pipeline, given or default_model(pipeline))


def _embedder_of(pipeline: Pipeline, manifest: Manifest) -> ReadyEmbedder:
    """Return what an index was made by. Raises UsageError where it is not found by its name."""
    try:
        return open_any(pipeline, manifest.embedder)
    except UsageError as error:
        raise UsageError(
            f"the index was made by {manifest.embedder}, which is not found here",
            hint="say where it is: --model FOLDER; or take another one, and --rebuild",
        ) from error


def open_any(pipeline: Pipeline, given: str) -> ReadyEmbedder:
    """Open an embedder, whatever it looks at. Raises as `Embedders.open`."""
    _, entry = pipeline.embedders.find(parse_step(given)[0])
    return pipeline.embedders.open(given, entry.spec.modality)


def default_model(pipeline: Pipeline) -> str:
    """Return the first of the installed models, by name, that maps several modalities into one space.

    Raises:
        UsageError: there is none.
    """
    embedders = pipeline.registry.embedders
    for name in sorted(pipeline.registry.models):
        entry = embedders.get(pipeline.registry.models[name].spec.component)
        if entry is not None and entry.spec.also:
            return name
    raise UsageError(
        "no installed model maps pictures and texts into one space",
        hint="name one: --model MODEL, for example the folder of a CLIP checkpoint",
    )


def _check_space(manifest: Manifest, embedder: ReadyEmbedder, place: Path) -> None:
    if manifest.space_id != embedder.space_id:
        raise UsageError(
            f"the index in {place} was made by {manifest.space_id}, and vectors of {embedder.space_id} cannot be "
            "compared with its own",
            hint="embed everything anew: --rebuild; or keep another index: --index FOLDER",
        )


def _nothing(where: Path, embedder: ReadyEmbedder, changes: Changes) -> UsageError:
    looked_for = " and ".join(
        {"image": "pictures", "text": "lines in .txt files"}.get(modality, modality) for modality in embedder.modalities
    )
    others = f"; {changes.others:,} other files" if changes.others else ""
    unusable = f"; {len(changes.skipped):,} that cannot be used" if changes.skipped else ""
    return UsageError(
        f"there is nothing to be found in {where}{unusable}{others}",
        hint=f"{embedder.name} looks at {looked_for}",
    )


class _Keeping:
    """Keeps an index on the disk, or says once why it does not.

    Attributes:
        place: where; None: nowhere.
    """

    def __init__(self, place: Path, say: Say, *, required: bool) -> None:
        self.place: Path | None = place
        self._say, self._required = say, required

    def check(self) -> None:
        """Give up before anything is embedded, where it is known already that nothing can be written."""
        assert self.place is not None
        there = next(folder for folder in (self.place, *self.place.absolute().parents) if folder.exists())
        if not there.is_dir():
            self._give_up(FileError(f"cannot write {self.place}: {there} is no folder"))
        elif not os.access(there, os.W_OK | os.X_OK):
            self._give_up(FileError(f"cannot write {self.place}: not allowed"))

    def save(self, stored: Stored, content: bytes) -> None:
        """Put an index on the disk, unless that is not possible."""
        if self.place is None:
            return
        try:
            save(self.place, stored.manifest, content)
        except FileError as error:
            self._give_up(error)

    def _give_up(self, error: FileError) -> None:
        if self._required:
            raise error
        self.place = None
        self._say(f"the index stays in memory: {error.message} (to keep it: --index FOLDER)")
