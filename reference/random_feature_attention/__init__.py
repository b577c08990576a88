"""Attention by positive random features: its meaning in float64, what rounding may do to it, and what chance may do to it."""
