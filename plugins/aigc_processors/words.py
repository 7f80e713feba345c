"""Steps that change texts word by word: stopwords, stem."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from aigc_core import ItemError, StepContext, UsageError
from aigc_processors.function_words import CHINESE, ENGLISH

_HAN = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# A run of Chinese, or a word of letters with apostrophes inside, each with the spaces before it.
_LETTERS = rf"(?:(?![{_HAN}])[^\W\d_])+"
_PIECE = re.compile(rf"((?<![ \t])[ \t]++|)(?:([{_HAN}]+)|({_LETTERS}(?:['’]{_LETTERS})*))")
# What removed words leave: a stop at the start of a line, a comma before a stop.
_LEFTOVER = re.compile(r"(?m)^[ \t,.;:!?，。；：！？、]++|(?<![ \t])[ \t]*+[,;:，；：、](?=[ \t]*[,.;:!?，。；：！？])")

Languages = Annotated[
    tuple[Literal["en", "zh"], ...],
    BeforeValidator(lambda value: value.split(",") if isinstance(value, str) else value),
    Field(min_length=1),
]


class StopwordsOptions(BaseModel, extra="forbid", frozen=True):
    """Whose stop words are removed."""

    languages: Languages = Field(("en", "zh"), description="en, zh, or en,zh")


def stopwords(text: str, context: StepContext) -> str:
    """Return the text without words such as "the" and 的. Chinese is cut into words first, so that 目的 stays.

    Raises:
        ItemError: nothing is left.
        UsageError: there is Chinese in it, and what cuts it into words is not installed.
    """
    languages = context.options.languages

    def kept(match: re.Match[str]) -> str:
        space, chinese, word = match.groups()
        if chinese is not None:
            if "zh" not in languages:
                return match[0]
            left = "".join(each for each in _segmenter().cut(chinese) if each not in CHINESE)
            return space + left if left else ""
        return "" if "en" in languages and word.lower().replace("’", "'") in ENGLISH else match[0]

    left = _LEFTOVER.sub("", _PIECE.sub(kept, text)).strip()
    if not any(character.isalnum() for character in left):
        raise ItemError("stopwords: nothing is left")
    return left


@cache
def _segmenter() -> Any:
    try:
        import rjieba
    except ImportError as error:
        raise UsageError(
            "stopwords: cutting Chinese into words needs rjieba",
            hint="pip install 'aigc-core[text]', or stopwords languages=en",
        ) from error
    return rjieba


class StemOptions(BaseModel, extra="forbid", frozen=True):
    """By whose rules words are cut."""

    language: str = Field("english", description="a Snowball stemmer: english, porter, german, french, russian, …")


def stem(text: str, context: StepContext) -> str:
    """Return the text with each word as its stem, in small letters: "ponies running" becomes "poni run".

    Porter 2001 (Snowball: a language for stemming algorithms). Words without spaces between them stay.

    Raises:
        UsageError: there is no such stemmer, or Snowball is not installed.
    """
    stemmed = _stemmer(context.options.language)

    def cut(match: re.Match[str]) -> str:
        space, _, word = match.groups()
        return match[0] if word is None else space + stemmed(word.lower().replace("’", "'"))

    return _PIECE.sub(cut, text)


@cache
def _stemmer(language: str) -> Any:
    try:
        import snowballstemmer
    except ImportError as error:
        raise UsageError("stem: stemming needs snowballstemmer", hint="pip install 'aigc-core[text]'") from error
    if language not in snowballstemmer.algorithms():
        there = ", ".join(sorted(snowballstemmer.algorithms()))
        raise UsageError(f"stem: there is no stemmer for {language!r}", hint=f"there is: {there}")
    return cache(snowballstemmer.stemmer(language).stemWord)
