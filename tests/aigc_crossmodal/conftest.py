"""Models that are told colours: see ``tests/palettes.py``."""

from tests.palettes import describer, house, painter, pairs

__all__ = ["describer", "house", "painter", "pairs"]
