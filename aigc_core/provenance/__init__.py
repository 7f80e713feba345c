"""Provenance: what an artifact was made from, how a file says so, and how it is read back.

Pillow and pydantic are imported only when a picture is written or something is read.
"""

from aigc_core.provenance.atomic import store
from aigc_core.provenance.files import (
    METADATA,
    Sealed,
    extension,
    read,
    read_input,
    read_text,
    require_envelope,
    trimmed,
    write,
    write_film,
    write_plain,
)
from aigc_core.provenance.infotext import parameters
from aigc_core.provenance.labels import PROFILES
from aigc_core.provenance.machine import environment
from aigc_core.provenance.recipe import Envelope, canonical, content_digest, recipe_id, seal
from aigc_core.provenance.untrusted import parse

__all__ = [
    "METADATA",
    "PROFILES",
    "Envelope",
    "Sealed",
    "canonical",
    "content_digest",
    "environment",
    "extension",
    "parameters",
    "parse",
    "read",
    "read_input",
    "read_text",
    "recipe_id",
    "require_envelope",
    "seal",
    "store",
    "trimmed",
    "write",
    "write_film",
    "write_plain",
]
