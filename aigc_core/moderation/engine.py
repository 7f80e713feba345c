"""The rule that holds from the first day: a finding with a score of at least 0.5 blocks, and failure blocks too.

Filters return findings; only this module turns findings into an action. The strictest wins, so the order of the
filters does not matter to the verdict.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aigc_core.content import JSON, Action, Content, Finding, Judged, Request, Stage, Verdict, own
from aigc_core.moderation.deadline import DeadlineCaller
from aigc_core.protocols import FilterContext
from aigc_core.provenance import canonical
from aigc_core.registry import Plugin
from aigc_core.specs import FilterSpec

#: Findings with at least this score block.
BLOCK_AT = 0.5

Parts = Sequence[tuple[str, str, Content]]  # source, modality, content


@dataclass(frozen=True, slots=True)
class ReadyFilter:
    """A filter whose code is imported and whose options are validated.

    Attributes:
        window: of its spec, a function of ``(text, options)`` if it is one.
    """

    spec: FilterSpec
    plugin: Plugin
    check: Callable[[Any, FilterContext], Any]
    options: Any = None
    given: Mapping[str, JSON] | None = None
    window: int | Callable[[str, Any], Any] | None = None


class Moderator:
    """Runs filters over content and gives the verdict. Fails closed."""

    def __init__(self, filters: Sequence[ReadyFilter]) -> None:
        self.filters = tuple(filters)
        self._caller = DeadlineCaller()
        described = {
            "block_at": BLOCK_AT,
            "filters": [{"name": ready.spec.name, "options": dict(ready.given or {})} for ready in self.filters],
        }
        #: sha256 of the rule and of the filters' options, for recipes.
        self.policy = hashlib.sha256(canonical(described)).hexdigest()

    def looking_at(self, stage: Stage, modality: str) -> list[ReadyFilter]:
        """Return the filters that look at content of `modality` at `stage`."""
        return [ready for ready in self.filters if ready.spec.modality == modality and stage in ready.spec.stages]

    def needing_whole(self) -> str | None:
        """Return the name of a filter that judges texts only when they are whole, or None."""
        return next((one.spec.name for one in self.looking_at("artifact", "text") if one.window is None), None)

    def check(self, stage: Stage, parts: Parts, request: Request) -> Verdict:
        """Return the verdict over all `parts` at `stage`."""
        judged: list[Judged] = []
        cause: str | None = None
        failed = False
        for source, modality, content in parts:
            for ready in self.looking_at(stage, modality):
                context = FilterContext(stage, source, request.own_copy(), ready.options)
                findings, error = self._findings(ready, content, context)
                judged += [Judged(ready.spec.name, stage, finding) for finding in findings]
                if error or any(finding.score >= BLOCK_AT for finding in findings):
                    cause = cause or ready.spec.name
                failed = failed or error
        if cause is None:
            return Verdict(findings=tuple(judged))
        return Verdict(Action.BLOCK, tuple(judged), cause, failed)

    def _findings(self, ready: ReadyFilter, content: Content, context: FilterContext) -> tuple[list[Finding], bool]:
        """Return what the filter found, and whether it failed; a failure is itself a finding."""
        try:
            # A filter gets a copy: what it paints over must not change what others see.
            findings = self._caller.call(ready.spec.timeout, ready.check, own(content), context)
            return _checked(findings, content), False
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            reason = f"the filter failed (plugin {ready.plugin}): {type(error).__name__}: {error}"
            return [Finding("moderation-failed", 1.0, reason)], True


def _checked(findings: Any, content: Content) -> list[Finding]:
    if isinstance(findings, (str, bytes)) or not isinstance(findings, Iterable):
        raise TypeError(f"returned {type(findings).__name__}, not a list of findings")
    checked = list(findings)
    for finding in checked:
        if not isinstance(finding, Finding):
            raise TypeError(f"returned a {type(finding).__name__} among its findings")
        if not 0 <= finding.score <= 1:  # also refuses NaN
            raise ValueError(f"returned the score {finding.score}, which is not between 0 and 1")
        if finding.span is not None and isinstance(content, str):
            start, end = finding.span
            if not 0 <= start <= end <= len(content):
                raise ValueError(f"returned the span {finding.span} of a text of {len(content)} characters")
    return checked
