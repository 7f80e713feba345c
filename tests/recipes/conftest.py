"""Recipes are scripts that import each other by name; they stand in no package."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import a module of ``recipes/``."""
    monkeypatch.syspath_prepend(RECIPES)
    return import_module
