"""Attention of the kit's own in Triton: the adapters, and their kernels in a folder of their own."""
