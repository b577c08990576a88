"""What every word of the spec means, in float64 NumPy, written to be read.

The reference is never fast and never clever. It has two definitions of attention that share no code for masks, offsets,
head maps or scores (`attention.textbook` and `attention.tiled`), because an oracle that is checked only against itself can be
wrong in peace. Both are pipelines of small steps, so that a known mistake is the same pipeline with one step replaced.

Each operation has a folder of its name: its definition, its bounds, what it refuses, and its faults. Sparse attention is
attention under a mask and may use that; no other operation knows of another. Beside the folders stands what all share: numbers
(`arithmetic`, `rounding`, `roundoff`, `arrays`) and what a fault of any operation is (`faults`).
"""
