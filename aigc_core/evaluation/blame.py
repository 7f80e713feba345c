"""Naming the plugin whose code failed, wherever evaluation runs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aigc_core.errors import AigcError, PluginError


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
