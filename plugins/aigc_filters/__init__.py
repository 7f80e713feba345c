"""Moderation filters. A filter finds; the policy decides.

Nothing heavy is imported here: a filter and its options are named, and imported when they are first used.
"""

from __future__ import annotations

from aigc_core import FilterSpec, hookimpl


@hookimpl
def aigc_filters() -> list[FilterSpec]:
    """Declare the filters."""
    return [
        FilterSpec(
            "wordlist",
            "text",
            "aigc_filters.wordlist:wordlist",
            options="aigc_filters.wordlist:WordlistOptions",
            window="aigc_filters.wordlist:window",
            summary="Find the words of your own deny list, in English, Chinese or any mix.",
        ),
    ]
