"""Letting text out while it is being written: as far as every filter has judged it, and no further.

A filter's window says how many characters at the end of a text it cannot judge before more has come. So a denied word
that is only half there stays inside, and nothing that any filter finds is ever seen in part. The whole is judged once
more when it is finished; this gate only decides what may be seen before.
"""

from __future__ import annotations

from aigc_core.content import Request
from aigc_core.errors import PluginError
from aigc_core.moderation.engine import BLOCK_AT, Moderator, ReadyFilter


class StreamGate:
    """Holds the text of one item back until every filter has judged it.

    Args:
        moderator: none of its filters of texts may need the whole; see `Moderator.needing_whole`.
        request: of the item.
    """

    def __init__(self, moderator: Moderator, request: Request) -> None:
        self._moderator = moderator
        self._request = request
        self._filters = moderator.looking_at("artifact", "text")
        self._start = 0  # what a filter may find in text to come begins here or later
        self._closed = False
        #: What has been let out.
        self.out = ""

    def advance(self, text: str) -> bool:
        """Take the text so far, and say whether more of it has been let out.

        Each filter looks at what is still inside, and at as much before it as could belong to the same finding: the
        cost grows with the text, not with its square.

        Raises:
            ValueError: the text does not go on from what has been let out.
            PluginError: the window of a filter is no number of characters.
        """
        if not text.startswith(self.out):
            raise ValueError("took back text that it had yielded as a Partial")
        if self._closed or len(text) == len(self.out):
            return False
        judged = len(text) - self._undecided(text[self._start :])
        if not self._allows(text[self._start :], judged) or judged <= len(self.out):
            return False
        self._start = judged - self._undecided(text[self._start : judged])
        self.out = text[:judged]
        return True

    def _allows(self, stretch: str, judged: int) -> bool:
        """Say whether nothing is found in `stretch`; close for good where something is, and more would not change it.

        What ends within the text that is out is not there: it was judged with all of its neighbours, and here the
        first ones are cut off.
        """
        verdict = self._moderator.check("artifact", [("content", "text", stretch)], self._request)
        allows = True
        for finding in (one.finding for one in verdict.findings if one.finding.score >= BLOCK_AT):
            end = self._start + finding.span[1] if finding.span else None
            if end is not None and end <= len(self.out):
                continue
            allows = False
            self._closed = self._closed or verdict.failed or (end is not None and end <= judged)
        return allows

    def _undecided(self, stretch: str) -> int:
        """Return how many characters at the end of `stretch` some filter cannot judge yet."""
        return min(len(stretch), max((_window(ready, stretch) for ready in self._filters), default=0))


def _window(ready: ReadyFilter, text: str) -> int:
    """Return the window of a filter at the end of `text`."""
    window = ready.window
    try:
        length = window(text, ready.options) if callable(window) else window
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"filter {ready.spec.name!r} (plugin {ready.plugin}): its window failed: {type(error).__name__}: {error}"
        ) from error
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise PluginError(
            f"filter {ready.spec.name!r} (plugin {ready.plugin}): its window is {length!r}, not a number of characters"
        )
    return length
