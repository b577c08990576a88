"""Softmax attention: its two definitions in float64, its gradients, what rounding may do to it, and kernels to try that on.

`textbook` and `tiled` share no code for masks, offsets, head maps or scores. Both are pipelines of small steps.
"""
