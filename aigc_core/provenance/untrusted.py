"""Recipes that come with a file from anywhere: read with bounds, and checked field by field."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, TypeVar

from aigc_core.content import JSON
from aigc_core.errors import FileError, UsageError
from aigc_core.provenance.recipe import Envelope, canonical

if TYPE_CHECKING:
    from pydantic import BaseModel

    Checked = TypeVar("Checked", bound=BaseModel)

#: Bytes that an envelope may have, in a file or to be written into one.
MAX_BYTES = 1_000_000

#: The newest format of recipes; older ones are read as well.
FORMAT = 3

CHANGED = "the file was changed, or made by another program"


def parse(data: bytes) -> Envelope:
    """Read an envelope as `files.write` embeds it.

    Whether the recipe still has its id is not judged here, see ``Envelope.intact``.

    Raises:
        FileError: it is larger than 1 MB, no JSON, nested too deep, made by a newer version, or a field is
            missing, unknown, of the wrong type, out of bounds or like a path; the message names the field.
    """
    return envelope(load(data, "the recipe"))


def envelope(value: JSON) -> Envelope:
    """Check an envelope that has been read from JSON already. Raises FileError as `parse` does."""
    from aigc_core.provenance.schema import EnvelopeSchema

    recipe = value.get("recipe") if isinstance(value, dict) else None
    made_by = recipe.get("format") if isinstance(recipe, dict) else None
    if type(made_by) is int and made_by > FORMAT:
        raise FileError(f"the recipe has format {made_by}, this program knows 1 to {FORMAT}", hint="update aigc-core")
    try:
        canonical(value)  # refuses half characters and deep nesting
    except UsageError as error:
        raise FileError(f"the recipe is not valid: {printable(error.message)}", hint=CHANGED) from None
    checked = check(EnvelopeSchema, value, "the recipe")
    return Envelope(value["recipe"], checked.recipe_id, checked.digest, checked.environment)


def load(data: bytes, what: str, *, limit: int = MAX_BYTES) -> JSON:
    """Read JSON from anywhere: at most `limit` bytes of UTF-8, no key twice, only finite numbers.

    Raises:
        FileError: it is anything else.
    """
    if len(data) > limit:
        raise FileError(f"{what} has {len(data):,} bytes, the limit is {limit:,}", hint=CHANGED)
    try:
        return json.loads(
            data.decode(), parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_no_key_twice
        )
    except RecursionError:
        raise FileError(f"{what} is nested too deep", hint=CHANGED) from None
    except ValueError as error:
        raise FileError(f"{what} is not valid JSON: {printable(str(error))}", hint=CHANGED) from None


def check(schema: type[Checked], value: JSON, what: str) -> Checked:
    """Hold `value` against a pydantic schema. Raises FileError that names the first field that is wrong."""
    from pydantic import ValidationError

    try:
        return schema.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = printable(".".join(str(part) for part in first["loc"])).removeprefix("recipe.")
        reason = first["msg"].removeprefix("Value error, ")
        raise FileError(f"{what} is not valid: {field or 'it'}: {reason}", hint=CHANGED) from None


def printable(text: str) -> str:
    """Return `text` fit for a terminal: short, with control characters written out."""
    return repr(text[:200])[1:-1]


def _no_constant(name: str) -> JSON:
    raise ValueError(f"{name} is no number that JSON knows")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):  # 1e999 is fine by the JSON grammar, and infinite as a float
        raise ValueError(f"{digits[:20]} is too large a number")
    return number


def _no_key_twice(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found
