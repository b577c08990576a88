"""A survey: what an implementation takes, asked before any law with a few tiny calls."""

from .survey import surveyed

__all__ = ["surveyed"]
