"""Words of softmax attention: its scores and weights, what it returns beside its output, and what approximates it."""

from . import approximations, descales, probes, results, scores

__all__ = ["approximations", "descales", "probes", "results", "scores"]
