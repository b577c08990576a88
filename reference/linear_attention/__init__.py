"""Linear attention: its meaning in float64, three orders in which it can be computed, and what rounding may do to each."""
