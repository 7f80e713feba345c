"""What an artifact was made from, in one canonical form, and the digests that name recipe and content."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aigc_core.content import JSON
from aigc_core.errors import UsageError

if TYPE_CHECKING:
    from aigc_core.content import Content

#: Levels of nesting that a recipe may have. The pipeline builds about six; the rest is for plugins' options.
MAX_DEPTH = 32

_SCALARS = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class Envelope:
    """A recipe and what stands beside it in a file, unhashed.

    Attributes:
        recipe: all that is needed to make the artifact again (canonical JSON types).
        recipe_id: sha256 of the canonical recipe, hex.
        digest: sha256 of the content before labels were added, hex.
        environment: versions and CPU class it was made with.
    """

    recipe: Mapping[str, JSON]
    recipe_id: str
    digest: str
    environment: Mapping[str, str]

    @property
    def intact(self) -> bool:
        """Whether the recipe still has the id it was sealed with; False when somebody edited it."""
        return recipe_id(self.recipe) == self.recipe_id

    def as_json(self) -> dict[str, JSON]:
        """Return what is written into files."""
        return {
            "recipe": self.recipe,
            "recipe_id": self.recipe_id,
            "digest": self.digest,
            "environment": self.environment,
        }


def seal(recipe: Mapping[str, JSON], content: Content) -> Envelope:
    """Put `recipe`, the digest of the `content` it made and this environment into an envelope."""
    from aigc_core.provenance.machine import environment

    return Envelope(recipe, recipe_id(recipe), content_digest(content), environment())


def recipe_id(recipe: Mapping[str, JSON]) -> str:
    """Return the sha256 of the canonical recipe, 64 hex digits."""
    return hashlib.sha256(canonical(recipe)).hexdigest()


def content_digest(content: Content) -> str:
    """Return the sha256 of a text's UTF-8, or of a picture's mode, size and decoded pixels, 64 hex digits.

    The pixels are Pillow's raw bytes, row by row, ``(H, W, C)``; a palette picture's palette counts, too.
    """
    if isinstance(content, str):
        return hashlib.sha256(_utf8(content)).hexdigest()
    width, height = content.size
    digest = hashlib.sha256(f"{content.mode} {width}x{height}\n".encode())
    digest.update(content.tobytes())
    if content.mode in ("P", "PA"):
        digest.update(bytes(content.getpalette() or ()))
    return digest.hexdigest()


def canonical(value: JSON) -> bytes:
    """Return the one way to write `value` as JSON: sorted keys, no spaces, UTF-8, floats by repr.

    Equal values give equal bytes; values of different JSON types (``1``, ``1.0``, ``true``) differ.
    Tuples are written as lists, any mapping as an object.

    Raises:
        UsageError: NaN or an infinity, a key that is no string, a lone surrogate, a cycle or more than 32
            levels, or a type that JSON does not know. The message says where.
    """
    if _keys_are_strings(value, MAX_DEPTH):
        try:
            return _ENCODER.encode(value).encode()
        except (TypeError, ValueError, RecursionError):
            pass
    where, what = next(_complaints(value, "", MAX_DEPTH), ("", "cannot be written as JSON"))
    raise UsageError(
        f"{where or 'the value'} {what}",
        hint="a recipe holds text, finite numbers, booleans, lists and objects",
    )


def _plain(value: object) -> JSON:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


def _encoder(*, sort_keys: bool) -> json.JSONEncoder:
    # Cycles are found by _keys_are_strings, which is cheaper.
    return json.JSONEncoder(
        sort_keys=sort_keys,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        check_circular=False,
        default=_plain,
    )


_ENCODER, _WRITER = _encoder(sort_keys=True), _encoder(sort_keys=False)


def dumps(value: JSON) -> str:
    """Write `value`, which has passed `canonical` before, as compact JSON in its own order."""
    return _WRITER.encode(value)


def _keys_are_strings(value: JSON, levels: int) -> bool:
    # json.dumps would turn the keys 1, None and True into strings, and so two values into one.
    if type(value) in _SCALARS:
        return True
    if type(value) is dict or isinstance(value, Mapping):  # the second question costs ten times the first
        if not levels:
            return False
        for key, inner in value.items():
            if not isinstance(key, str):
                return False
            if type(inner) not in _SCALARS and not _keys_are_strings(inner, levels - 1):
                return False
    elif isinstance(value, list | tuple):
        if not levels:
            return False
        for inner in value:
            if type(inner) not in _SCALARS and not _keys_are_strings(inner, levels - 1):
                return False
    return True


def _complaints(value: JSON, where: str, levels: int) -> Iterator[tuple[str, str]]:
    """Say what is wrong with `value`, and where; slow, for the error message only."""
    match value:
        case Mapping() | list() | tuple() if not levels:
            yield where[:80], f"is nested more than {MAX_DEPTH} levels deep"
        case str() if any("\ud800" <= character <= "\udfff" for character in value):
            yield where, "holds half a character (a lone surrogate), which is not text"
        case float() if not math.isfinite(value):
            yield where, f"is {value}, which JSON cannot write"
        case str() | float() | int() | None:
            pass  # an integer of more digits than Python converts ends in the general message
        case Mapping():
            for key, inner in value.items():
                if isinstance(key, str):
                    yield from _complaints(key, f"the key {key!a}", levels)
                    yield from _complaints(inner, f"{where}.{key}" if where else key, levels - 1)
                else:
                    yield where, f"has the key {key!r}, which is no string"
        case list() | tuple():
            for index, inner in enumerate(value):
                yield from _complaints(inner, f"{where}[{index}]", levels - 1)
        case _:
            yield where, f"is a {type(value).__name__}, which JSON does not know"


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"the text holds half a character (a lone surrogate) at position {error.start}",
            hint="give it as valid UTF-8",
        ) from None
