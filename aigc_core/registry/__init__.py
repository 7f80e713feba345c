"""Plugins: finding them, isolating them, and the typed view of what they declare."""

from aigc_core.registry.discovery import Plugin
from aigc_core.registry.registry import Registered, Registry

__all__ = ["Plugin", "Registered", "Registry"]
