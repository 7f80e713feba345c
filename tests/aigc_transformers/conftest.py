"""Tiny checkpoints: see ``tests/checkpoints.py``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checkpoints import copied, made

__all__ = ["copied", "made"]

CHAT = (
    "{% for message in messages %}{{ '<s>' + message['role'] + '\n' + message['content'] + '</s>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<s>assistant\n' }}{% endif %}"
)


@pytest.fixture
def chatty(copied: Callable[..., Path]) -> Path:
    """A copy of the llama whose tokenizer has a chat template."""
    folder = copied("llama", "chatty")
    (folder / "chat_template.jinja").write_text(CHAT, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def _alone(one_thread: None) -> None:
    """Networks of this size are quicker on one thread."""
