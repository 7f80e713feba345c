"""Models that are told colours, and tiny checkpoints: see ``tests/palettes.py`` and ``tests/checkpoints.py``."""

from tests.checkpoints import copied, made
from tests.palettes import describer, house, painter, pairs

__all__ = ["copied", "describer", "house", "made", "painter", "pairs"]
