"""Kernels of folding: a right one, one whose gain multiplies the offset too, and two that are wrong."""

import folding  # noqa: F401
import numpy as np

import attnspec


def folded(rows, columns, offset, gain, factors, return_size):
    weighed = rows if factors is None else (rows * factors).astype(rows.dtype)
    out = (rows.dtype.type(gain) * (weighed @ columns) + offset).astype(rows.dtype)
    return (out, np.abs(rows).sum(-1)) if return_size else out


@attnspec.implementation(operation="folding", name="right")
def right(rows, columns, offset, *, gain=1.0, factors=None, return_size=False):
    return folded(rows, columns, offset, gain, factors, return_size)


@attnspec.implementation(operation="folding", name="forgetful")
def forgetful(rows, columns, offset, *, gain=1.0, factors=None, return_size=False):
    return folded(rows, columns, 0 * offset, gain, factors, return_size)


@attnspec.implementation(operation="folding", name="together")
def together(rows, columns, offset, *, gain=1.0, factors=None, return_size=False):
    return folded(rows, columns, rows.dtype.type(gain) * offset, gain, factors, return_size)


@attnspec.implementation(operation="folding", name="squared")
def squared(rows, columns, offset, *, gain=1.0, factors=None, return_size=False):
    return folded(rows, columns, offset, gain, None if factors is None else factors**2, return_size)
