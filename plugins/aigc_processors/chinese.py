"""The step simplified: traditional Chinese characters become simplified ones."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, Field

from aigc_core import StepContext, UsageError


class SimplifiedOptions(BaseModel, extra="forbid", frozen=True):
    """By whose usage characters are matched."""

    usage: Literal["t2s", "tw2s", "tw2sp", "hk2s"] = Field(
        "t2s", description="a conversion of OpenCC; tw2sp also takes words of the mainland for those of Taiwan"
    )


def simplified(text: str, context: StepContext) -> str:
    """Return the text in simplified characters, words considered: 乾燥 becomes 干燥, and 乾坤 stays.

    Raises:
        UsageError: OpenCC is not installed.
    """
    converted: str = _converter(context.options.usage).convert(text)
    return converted


@cache
def _converter(usage: str) -> Any:
    try:
        import opencc
    except ImportError as error:
        raise UsageError("simplified: this needs opencc", hint="pip install 'aigc-core[text]'") from error
    return opencc.OpenCC(usage)
