"""What the global options said, and the pipeline that a command opens with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aigc_core.cli import terminal
from aigc_core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from aigc_core.pipeline import Pipeline
    from aigc_core.registry import Registry


@dataclass
class State:
    """The global options of one invocation."""

    debug: bool = False
    safe: bool = False
    disable: list[str] = field(default_factory=list)
    plugins: list[Path] = field(default_factory=list)

    def select_plugins(self, words: Sequence[str]) -> None:
        """Take ``-p no:NAME``."""
        for word in words:
            prefix, colon, name = word.partition(":")
            if prefix != "no" or not colon or not name:
                raise UsageError(f"-p {word!r} is not no:NAME", hint="for example: aigc -p no:hello …")
            self.disable.append(name)

    def pipeline(self, plugins: Sequence[Path] = (), *, download: bool = False, allow_pickle: bool = False) -> Pipeline:
        """Open a pipeline; each broken plugin is one line on stderr.

        Args:
            plugins: one-file plugins to load.
            download, allow_pickle: what a flag allows besides the configuration.
        """
        from aigc_core import config
        from aigc_core.pipeline import Pipeline

        return Pipeline(
            plugins=[*self.plugins, *plugins],
            disable=self.disable,
            safe=self.safe,
            settings=config.load().allowing(download=download, allow_pickle=allow_pickle),
            on_problem=terminal.say,
        )

    def registry(self, plugins: Sequence[Path] = ()) -> Registry:
        """Open the plugins only."""
        return self.pipeline(plugins).registry
