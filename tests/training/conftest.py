"""Everything here trains small networks."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def calm(one_thread: None) -> None:
    """Train on one thread."""
