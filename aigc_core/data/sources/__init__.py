"""Where data comes from, a kind of source a file. `open_source` knows them all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aigc_core.data.records import Source
from aigc_core.errors import FileError, UsageError

KINDS = "a folder, a .zip or .tar archive, .parquet, .npz, .csv, .tsv, .jsonl, .txt, or a saved Hugging Face data set"


def open_source(path: str | Path) -> Source:
    """Return the source of records at `path`: what kind it is follows from its name and content.

    Raises:
        FileError: it is missing or damaged.
        UsageError: it is of no known kind, or has nothing in it that could be learnt from.
    """
    path = Path(path).expanduser()
    with readable(path, KINDS):
        return _of_folder(path) if path.is_dir() else _of_file(path)


@contextmanager
def readable(path: Path, kinds: str) -> Iterator[None]:
    """Open what is at `path`, or say what is wrong with it.

    Raises:
        FileError: it is missing or damaged.
        UsageError: it is neither a file nor a folder.
    """
    try:
        if not path.exists():
            raise FileError(f"there is no file or folder {path}", hint="give the path of your data")
        if not path.is_dir() and not path.is_file():
            raise UsageError(f"{path} is neither a file nor a folder", hint=f"data is {kinds}")
        yield
    except (OSError, ValueError) as error:
        raise FileError(f"{path} cannot be read: {error}") from error


def _of_folder(path: Path) -> Source:
    from aigc_core.data.sources.columns import is_saved_dataset, saved_dataset
    from aigc_core.data.sources.files import tree_of
    from aigc_core.data.sources.tree import PictureTree

    return saved_dataset(path) if is_saved_dataset(path) else PictureTree(tree_of(path, KINDS))


def _of_file(path: Path) -> Source:
    suffix = path.suffix.lower()
    if suffix == ".npz":
        from aigc_core.data.sources.arrays import Arrays

        return Arrays(path)
    if suffix == ".parquet":
        from aigc_core.data.sources.columns import parquet

        return parquet(path)
    if suffix in (".csv", ".tsv", ".jsonl", ".txt"):
        from aigc_core.data.sources.listed import Lines, PixelTable, Rows

        if suffix == ".txt":
            return Lines(path)
        return (PixelTable.at(path) if suffix != ".jsonl" else None) or Rows(path)
    from aigc_core.data.sources.files import tree_of
    from aigc_core.data.sources.tree import PictureTree

    return PictureTree(tree_of(path, KINDS))
