"""Metrics about texts."""
