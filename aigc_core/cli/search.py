"""``aigc search``: what in a folder is nearest to a text or a picture."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigc_core.cli import completion, terminal
from aigc_core.cli.arguments import AllowPickle, Download, Json, PluginFiles
from aigc_core.cli.evaluate import progress_of
from aigc_core.cli.state import State
from aigc_core.cli.things import query_of
from aigc_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aigc_core.pipeline import Pipeline
    from aigc_core.retrieval import Hit, Index

Model = Annotated[
    str | None,
    typer.Option(
        "-m", "--model", metavar="MODEL", help="What makes the vectors, e.g. a model.", autocompletion=completion.model
    ),
]
AsText = Annotated[bool, typer.Option("--text", help="Take words as texts, even where there are such files.")]


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="A text, the file of a picture, @FILE with a text, or - for stdin.")],
    where: Annotated[
        Path, typer.Option("--in", metavar="FOLDER", help="Pictures and .txt files, a text a line; or an index.")
    ],
    k: Annotated[int | None, typer.Option("-k", help="How many.", show_default="10")] = None,
    model: Model = None,
    modality: Annotated[str | None, typer.Option("--modality", help="Find only image, or only text.")] = None,
    as_text: AsText = False,
    index: Annotated[
        Path | None,
        typer.Option("--index", metavar="FOLDER", help="Keep the index there.", show_default="FOLDER/.aigc-index"),
    ] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Embed everything anew.")] = False,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="FILE", help="Write the pictures found on a contact sheet.")
    ] = None,
    download: Download = False,
    allow_pickle: AllowPickle = False,
    plugin: PluginFiles = None,
    as_json: Json = False,
) -> None:
    """Find the pictures and texts of a folder that are nearest to a text or a picture.

    The folder is indexed the first time; then only what is new or has changed is embedded.

    Example: aigc search "a red car" --in ./photos -k 5 --sheet found.png
    """
    _check(k, modality, sheet)
    wanted = query_of(query, as_text=as_text)
    if isinstance(wanted, str) and not wanted.strip():
        raise UsageError("the query is empty", hint='say what to look for: aigc search "a panda" --in FOLDER')
    pipeline = context.ensure_object(State).pipeline(plugin or [], download=download, allow_pickle=allow_pickle)
    with redirect_stdout(sys.stderr):  # models may greet
        opened = _opened(pipeline, where, model=model, index=index, rebuild=rebuild)
        hits = opened.find(wanted, 10 if k is None else k, modality)  # type: ignore[arg-type]  # checked above
    if as_json:
        terminal.print_json(_document(str(wanted), opened, hits))
    else:
        _show(hits)
    if k is not None and len(hits) < k:
        only = f" {modality}" if modality else ""
        terminal.say(f"there are only {len(hits):,}{only} items, and {k:,} were asked for")
    if sheet is not None:
        _write_sheet(hits, sheet)


def _check(k: int | None, modality: str | None, sheet: Path | None) -> None:
    if k is not None and k < 1:
        raise UsageError(f"-k {k}: at least one item has to be asked for")
    if modality not in (None, "image", "text"):
        raise UsageError(f"--modality {modality!r} is not known", hint="one of: image, text")
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise UsageError(f"--sheet {sheet} is no .png", hint="for example: --sheet found.png")


def _opened(pipeline: Pipeline, where: Path, **given: Any) -> Index:
    """Open the index, and say what was done to it; after Ctrl-C say how to go on."""
    from aigc_core.retrieval import open_index

    with progress_of(f"indexing {where}") as on_progress:
        try:
            index = open_index(where, pipeline=pipeline, on_progress=on_progress, say=terminal.say, **given)
        except KeyboardInterrupt:
            terminal.say("interrupted; what is embedded so far is kept, and the same command goes on from there")
            raise
    changes = index.changes
    if changes is not None and (changes.embedded or changes.removed):
        told = [f"{changes.embedded:,} embedded", f"{changes.kept:,} kept"]
        told += [f"{changes.removed:,} {'file' if changes.removed == 1 else 'files'} gone"] if changes.removed else []
        place = f" in {index.place}" if index.place else ""
        terminal.say(f"index{place} by {index.embedder.name}: {len(index):,} items ({', '.join(told)})")
    return index


def _show(hits: Sequence[Hit]) -> None:
    """Print a row for each: where it is, so that a shell can go on with it, and of a text the text."""
    texts = any(hit.kind == "text" for hit in hits)
    rows = [[str(hit.rank), f"{hit.similarity:.4f}", _place(hit), *([hit.text or ""] if texts else [])] for hit in hits]
    terminal.print_table(["rank", "similarity", "item", *(["text"] if texts else [])], rows)


def _place(hit: Hit) -> str:
    line = "" if hit.line is None else f":{hit.line}"
    return f"{hit.path or hit.file}{line}"


def _document(query: str, index: Index, hits: Sequence[Hit]) -> dict[str, Any]:
    embedder = index.embedder
    return {
        "query": query,
        "model": embedder.name,
        "sha256": embedder.model.sha256 if embedder.model else "",
        "space_id": embedder.space_id,
        "index": None if index.place is None else str(index.place),
        "items": len(index),
        "hits": [
            {
                "rank": hit.rank,
                "similarity": hit.similarity,
                "item": hit.item,
                "kind": hit.kind,
                "path": None if hit.path is None else str(hit.path),
                "line": hit.line,
                "text": hit.text,
            }
            for hit in hits
        ],
    }


def _write_sheet(hits: Sequence[Hit], path: Path) -> None:
    from aigc_core.provenance import write_plain
    from aigc_core.retrieval.sheet import sheet_of

    # The pictures were found, not made: no label says that a machine made them.
    terminal.say(f"contact sheet: {write_plain(sheet_of(hits), path, trained=False, labels=())}")
