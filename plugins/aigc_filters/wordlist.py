"""The user's own deny and allow lists, over prompts and texts.

A word in a script with spaces is found only as a whole word ("sex" is not in "Essex"); Chinese, which has
none, is found anywhere. What an allow entry covers is let through: with "毒药柜" allowed, a denied "毒药" is
found everywhere but there.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, computed_field, model_validator

from aigc_core import FilterContext, Finding
from aigc_filters.folding import fold
from aigc_filters.lists import file_digest, file_version, folded_entries
from aigc_filters.matching import Matcher

Span = tuple[int, int]
Version = tuple[Path, int, int]


class WordlistOptions(BaseModel, extra="forbid", frozen=True):
    """The lists; all of them together apply. Without any, nothing is found."""

    deny: tuple[str, ...] = Field((), description="words and phrases to find")
    allow: tuple[str, ...] = Field((), description="words and phrases within which nothing is found")
    deny_files: tuple[Path, ...] = Field(
        (), exclude=True, description="UTF-8 files of them, one a line, # for comments"
    )
    allow_files: tuple[Path, ...] = Field((), exclude=True, description="the same for allow")
    case_sensitive: bool = Field(False, description="tell capital and small letters apart")

    @model_validator(mode="after")
    def _lists_are_readable(self) -> Self:
        # Before the run starts: a bad list found later would block every item.
        _compiled(self)
        return self

    # A recipe holds the hash of these options. It is to change when a file changes, not when it is moved.
    @computed_field
    def digests(self) -> dict[str, list[str]]:
        """sha256 of the files, in order."""
        files = {"deny_files": self.deny_files, "allow_files": self.allow_files}
        return {name: [file_digest(path) for path in paths] for name, paths in files.items()}


def wordlist(text: str, context: FilterContext) -> list[Finding]:
    """Return a finding for each denied entry in the text, leftmost longest first, none overlapping.

    Raises:
        UsageError: a list was changed since the start, and is no longer readable.
    """
    options: WordlistOptions = context.options
    deny, allow, written = _compiled(options)
    folded = fold(text, case_sensitive=options.case_sensitive)
    allowed = list(allow.longest_at_each(folded.text))
    findings = []
    for start, end in _uncovered(list(deny.longest_at_each(folded.text)), allowed):
        span = folded.span(start, end)
        findings.append(
            Finding(
                category="wordlist",
                score=1.0,
                reason=f"{written[folded.text[start:end]]!r} is on the deny list",
                span=span,
                replacement="*" * (span[1] - span[0]),
            )
        )
    return findings


def window(text: str, options: WordlistOptions) -> int:
    """Return how many characters at the end of `text` cannot be judged before more has come.

    An entry, or an allowed one around it, may begin there and go on, and the character on either side decides whether
    it stands alone. All of that is counted in folded characters, since any number of unseen ones, spaces and accents
    may stand within a word; and the last character of all may still get an accent.
    """
    deny, allow, _ = _compiled(options)
    if not deny.longest:
        return 0
    starts = fold(text, case_sensitive=options.case_sensitive).starts
    if not starts:
        return len(text)
    first = starts.index(starts[-1]) - (max(deny.longest, allow.longest) + 2)
    return len(text) - starts[first] if first > 0 else len(text)


def _uncovered(denied: list[Span], allowed: list[Span]) -> list[Span]:
    """Return the denied spans that lie within no allowed one, without those that overlap an earlier one."""
    kept: list[Span] = []
    upcoming = iter([*allowed, None])
    allow = next(upcoming)
    reach = 0  # the furthest end of the allowed spans that start no later than the denied one
    for start, end in denied:
        while allow is not None and allow[0] <= start:
            reach = max(reach, allow[1])
            allow = next(upcoming)
        if end > reach and (not kept or start >= kept[-1][1]):
            kept.append((start, end))
    return kept


def _compiled(options: WordlistOptions) -> tuple[Matcher, Matcher, dict[str, str]]:
    return _compile(
        options.deny,
        options.allow,
        tuple(map(file_version, options.deny_files)),
        tuple(map(file_version, options.allow_files)),
        options.case_sensitive,
    )


@lru_cache(maxsize=8)
def _compile(
    deny: tuple[str, ...],
    allow: tuple[str, ...],
    deny_files: tuple[Version, ...],
    allow_files: tuple[Version, ...],
    case_sensitive: bool,
) -> tuple[Matcher, Matcher, dict[str, str]]:
    # Time and size of the files are part of the key, so that an edited list takes effect.
    denied = folded_entries(deny, tuple(version[0] for version in deny_files), case_sensitive, "deny")
    allowed = folded_entries(allow, tuple(version[0] for version in allow_files), case_sensitive, "allow")
    return (Matcher(denied), Matcher(allowed), denied)
