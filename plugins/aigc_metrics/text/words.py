"""What texts are cut into, where metrics count: words in small letters, and single Chinese characters.

Of English, these are the tokens of the package rouge-score, with letters beyond ASCII kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_CJK = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_CJK}]|(?:(?![{_CJK}])[^\W_])+")
_IS_CJK = re.compile(rf"[{_CJK}]")
#: How many texts say what all are written in.
_LOOKED_AT = 200


def words(text: str) -> list[str]:
    """Return the words of a text, without punctuation."""
    return _WORD.findall(text.lower())


def are_chinese(texts: Sequence[str]) -> bool:
    """Say whether most words of texts are Chinese or Japanese characters."""
    found = [word for text in texts[:_LOOKED_AT] for word in words(text)]
    return 2 * sum(bool(_IS_CJK.match(word)) for word in found) > len(found)
