"""Triton kernels of the kit's own: attention in one pass, attention with split keys, and the gradients of both.

They are here to be judged like anybody's kernels, so they know nothing of the reference, and PyTorch only holds their arrays:
every number in an output was computed by a kernel. Importing this package imports neither Triton nor PyTorch.

Chapters: `mode` (compiled or interpreted), `arguments` (what a kernel is handed), `precision` (how numbers enter and leave
tl.dot), `tiles` (what a program reads), `scores`, `online` (the softmax over tiles), `forward`, `split` and `backward` (the
kernels), `checks` and `launch` (their hosts).
"""
