"""The error family: what failed, where, and what to type next.

Only the CLI and the server turn these into words on a screen. Anything else that escapes is a bug.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class AigcError(Exception):
    """Base of every error that is the user's to read.

    Args:
        message: what failed and where, in one line.
        hint: what to type or change next, in one line.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(AigcError):
    """The request itself is wrong: an unknown name, a value out of range, an impossible combination."""

    exit_code = 2


class BlockedError(AigcError):
    """Moderation did not allow the content. Raised when a blocked item's content is asked for."""

    exit_code = 3


class PluginError(AigcError):
    """A plugin that this run needs is missing, broken, or broke its contract."""

    exit_code = 4


class ModelError(AigcError):
    """A model that this run needs is missing, incomplete, or not what its hashes say."""

    exit_code = 4


class ItemError(AigcError):
    """One item could not be made; others may have been."""

    exit_code = 5


class FileError(AigcError):
    """A file cannot be read, written or understood."""


def near_miss(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to `name`, or None when nothing is close."""
    known = list(known)
    folded = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    if close:
        return folded[close[0]]
    # `gan` should find `digits-gan` and `image/gan`: difflib scores such a short part too low.
    inside = sorted(candidate for candidate in known if len(name) > 2 and name.lower() in candidate.lower())
    return inside[0] if inside else None


def unknown(kind: str, name: str, known: Iterable[str], *, listing: str | None = None) -> UsageError:
    """Build the one-line error for an unknown name, with the near miss or where to look.

    Args:
        kind: what the name should have named, e.g. ``"model"``.
        name: what was given.
        known: the names there are.
        listing: the command that lists them, e.g. ``"aigc models list"``.
    """
    known = sorted(known)
    close = near_miss(name, known)
    if close:
        hint = f"did you mean {close!r}?"
    elif listing:
        hint = f"see: {listing}"
    elif known:
        hint = f"there is: {', '.join(known[:12])}"
    else:
        hint = f"there is no {kind} at all"
    return UsageError(f"unknown {kind} {name!r}", hint=hint)


@contextmanager
def blaming(who: str) -> Iterator[None]:
    """Turn whatever a plugin's code raises into a PluginError that names it; our own errors pass."""
    try:
        yield
    except AigcError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"{who} failed: {type(error).__name__}: {error}", hint="see it whole: aigc --debug …"
        ) from error
