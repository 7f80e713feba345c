"""``aigc inspect``: what a file says of how it was made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from aigc_core.cli import terminal
from aigc_core.cli.arguments import Json


def inspect(
    file: Annotated[Path, typer.Argument(help="A picture or text that aigc made.")],
    as_json: Json = False,
) -> None:
    """Show the recipe, labels and digests that a file carries. Imports no plugin."""
    from aigc_core.provenance import content_digest, recipe_id, require_envelope

    sealed, envelope = require_envelope(file)
    described: dict[str, Any] = {
        "file": str(file),
        "recipe_id": envelope.recipe_id,
        "recipe_unchanged": recipe_id(envelope.recipe) == envelope.recipe_id,
        "content_unchanged": content_digest(sealed.content) == envelope.digest,
        "digest": envelope.digest,
        "labels": dict(sealed.labels),
        "recipe": dict(envelope.recipe),
        "environment": dict(envelope.environment),
    }
    if as_json:
        terminal.print_json(described)
        return
    recipe = described.pop("recipe")
    environment = described.pop("environment")
    rows = [(key.replace("_", " "), _spell(value)) for key, value in described.items()]
    rows += [(key, _spell(value)) for key, value in recipe.items() if value not in (None, [], {})]
    rows += [(f"made with {key}", _spell(value)) for key, value in environment.items()]
    terminal.print_table(["what", "value"], rows)


def _spell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
