"""What every word of the spec means, in float64 NumPy, written to be read.

The reference is never fast and never clever. It has two definitions of attention that share no code for masks, offsets,
head maps or scores (`textbook` and `tiled`), because an oracle that is checked only against itself can be wrong in peace.
Both are pipelines of small steps, so that a known mistake is the same pipeline with one step replaced.
"""
