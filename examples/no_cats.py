"""A moderation filter in one file: no cats.

Use it with:  aigc generate -m GENERATOR "a cat in a garden" --plugin examples/no_cats.py
"""

import re

from aigc_core import FilterSpec, Finding, hookimpl

# \b is the edge of a word, so that "category" is fine. With re.ASCII, Chinese characters are no part of a word:
# the cat in "一只cat" is found, too.
CATS = re.compile(r"\bcats?\b|猫", re.IGNORECASE | re.ASCII)


def no_cats(text, context):
    """Return one finding for each cat. An empty list means: nothing found."""
    return [
        Finding(
            category="cats",
            score=1.0,  # from 0 to 1: how sure we are. From 0.5 on, the request is blocked.
            reason=f"speaks of {match[0]!r}",  # for the person whose prompt was blocked
            span=match.span(),  # where in the text
        )
        for match in CATS.finditer(text)
    ]


# aigc looks for functions with this mark. What they return is what the plugin brings.
@hookimpl
def aigc_filters():
    return [FilterSpec("no-cats", "text", no_cats, stages=("request",), summary="No cats in prompts.")]
