"""A registry of what is installed for the test, and what it complained of."""

from __future__ import annotations

import sys

import pytest

from aigc_core.registry import Registry


@pytest.fixture
def open_registry(site, monkeypatch):
    """Open a registry with what is installed in `site`; return it with what it complained of."""

    def open_it(path=None, **options):
        for module in [name for name in sys.modules if name.startswith("aigc_plugin_")]:
            del sys.modules[module]
        complaints = []
        with monkeypatch.context() as patch:
            patch.setattr(sys, "path", [*(site.path if path is None else path), *sys.path])
            registry = Registry(on_problem=complaints.append, **options)
        return registry, complaints

    return open_it
