"""The way from a request to an artifact."""

from aigc_core.pipeline.options import parse_assignments, parse_step
from aigc_core.pipeline.order import Order
from aigc_core.pipeline.pipeline import Pipeline, Result, draw_seed, generate
from aigc_core.pipeline.plan import Plan

__all__ = ["Order", "Pipeline", "Plan", "Result", "draw_seed", "generate", "parse_assignments", "parse_step"]
