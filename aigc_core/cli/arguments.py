"""Arguments that several commands share, so that one option means one thing everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch a checkpoint that is named and not here, from the Hugging Face hub.")
]
AllowPickle = Annotated[
    bool, typer.Option("--allow-pickle", help="Load a checkpoint that is a pickle: reading one may run any program.")
]
PluginFiles = Annotated[
    list[Path] | None, typer.Option("--plugin", metavar="FILE", help="Load a one-file plugin. Repeatable.")
]
