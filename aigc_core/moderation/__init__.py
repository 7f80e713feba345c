"""Moderation: running filters, and turning what they find into a verdict."""

from aigc_core.moderation.engine import BLOCK_AT, Moderator, ReadyFilter
from aigc_core.moderation.streaming import StreamGate

__all__ = ["BLOCK_AT", "Moderator", "ReadyFilter", "StreamGate"]
