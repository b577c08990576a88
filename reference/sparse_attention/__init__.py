"""Sparse attention: which keys a pattern keeps, and softmax attention over those alone, whose bounds are its bounds."""
