"""Texts that are read while they are written: which of them may be, and how far."""

from __future__ import annotations

from collections.abc import Sequence

from aigc_core.content import Content, Request
from aigc_core.moderation import StreamGate
from aigc_core.pipeline.plan import Plan


def whole_because(plan: Plan) -> str | None:
    """Return why the texts of `plan` leave only when whole, or None: then they are streamed."""
    if plan.order.candidates > 1:
        return "of several candidates one is kept"
    if plan.post:
        return f"the postprocessor {plan.post[0].name!r} takes whole texts"
    if (name := plan.moderator.needing_whole()) is not None:
        return f"the filter {name!r} judges whole texts"
    return None


class Streams:
    """The texts of one call to the generator while they grow, each behind its gate.

    Args:
        plan: whose texts leave before they are whole.
        requests: of the items of the call, in order.
    """

    def __init__(self, plan: Plan, requests: Sequence[Request]) -> None:
        self._gates = [StreamGate(plan.moderator, request) for request in requests]

    def grow(self, index: int, text: Content) -> str | None:
        """Take the text so far of an item, and return how much of it is let out, or None where that is no more.

        Raises:
            ValueError: it is no text, or does not go on from what has been let out.
        """
        if not isinstance(text, str):
            raise ValueError(f"yielded a {type(text).__name__} as a Partial, not a str")
        gate = self._gates[index]
        if any("\ud800" <= character <= "\udfff" for character in text[len(gate.out) :]):
            raise ValueError("yielded half a character in a Partial")
        return gate.out if gate.advance(text) else None

    def check_whole(self, index: int, text: Content) -> None:
        """Raise ValueError where a finished text does not begin with what has been let out of it."""
        if isinstance(text, str) and not text.startswith(self._gates[index].out):
            raise ValueError("made another text than it had yielded as a Partial")
