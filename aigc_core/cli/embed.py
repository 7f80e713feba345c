"""``aigc embed``: pictures and texts as vectors of one space."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aigc_core.cli import terminal
from aigc_core.cli.arguments import AllowPickle, Download, Json, PluginFiles
from aigc_core.cli.evaluate import spell
from aigc_core.cli.search import AsText, Model
from aigc_core.cli.state import State
from aigc_core.cli.things import things_of

if TYPE_CHECKING:
    from aigc_core.retrieval import Embeddings

#: Numbers of each vector that a table shows.
_SHOWN = 4


def embed(
    context: typer.Context,
    things: Annotated[
        list[str],
        typer.Argument(
            metavar="THING…",
            help="Texts, files of pictures, folders, .txt files or @FILE with a text a line, or - for stdin.",
        ),
    ],
    model: Model = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the vectors: .parquet, .npy or .jsonl.")
    ] = None,
    as_text: AsText = False,
    download: Download = False,
    allow_pickle: AllowPickle = False,
    plugin: PluginFiles = None,
    as_json: Json = False,
) -> None:
    """Turn pictures and texts into vectors. Exit code 5 if some could not be read.

    With --json a line for each, at once; with --out a file; else a table of how they begin.

    Example: aigc embed ./photos "a red car" --out vectors.parquet
    """
    from aigc_core.data.survey import described, tallies
    from aigc_core.retrieval.embedding import embed_items
    from aigc_core.retrieval.embeddings import Space, check_path, gathered, row_of, write_embeddings
    from aigc_core.retrieval.opening import default_model, open_any
    from aigc_core.retrieval.reading import Reader

    if out is not None:
        check_path(out)
    pipeline = context.ensure_object(State).pipeline(plugin or [], download=download, allow_pickle=allow_pickle)
    with redirect_stdout(sys.stderr):  # models may greet
        embedder = open_any(pipeline, model or default_model(pipeline))
    reader, space = Reader(embedder), Space.of(embedder)
    found = []
    for piece, vector in terminal.off_stdout(embed_items(embedder, reader.pieces(things_of(things, as_text=as_text)))):
        found.append((piece.name, piece.kind, vector))
        if as_json:
            terminal.print_json_line(row_of(piece.name, piece.kind, vector, space))
    embeddings = gathered(embedder, found, reader.skipped)
    if embeddings.skipped:
        terminal.say(f"skipped: {'; '.join(described(tally) for tally in tallies(embeddings.skipped))}")
    if out is not None:
        names = " and ".join(str(path) for path in write_embeddings(embeddings, out))
        terminal.say(f"{len(embeddings):,} vectors of {space.space_id}: {names}")
    elif not as_json:
        _show(embeddings)
    raise typer.Exit(5 if embeddings.skipped else 0)


def _show(embeddings: Embeddings) -> None:
    rows = []
    for name, kind, vector in zip(embeddings.items, embeddings.kinds, embeddings.vectors, strict=True):
        begins = " ".join(spell(float(number)) for number in vector[:_SHOWN])
        rows.append([name, kind, str(len(vector)), f"{begins} …" if len(vector) > _SHOWN else begins])
    terminal.print_table(["item", "kind", "dimensions", "vector"], rows)
