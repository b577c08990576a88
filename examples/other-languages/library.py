"""The shared library of library.c, by ctypes: `attnspec run library.py`."""

import ctypes
from pathlib import Path

import numpy as np

import attnspec

native = ctypes.CDLL(str(Path(__file__).with_name("library.so"))).attend
native.restype = None
native.argtypes = [ctypes.c_void_p] * 4 + [ctypes.c_long] * 7 + [ctypes.c_double]


@attnspec.implementation(name="c/library", dtypes=["float32"], conventions={"empty_rows": "zeros"})
@attnspec.for_pointers("attention", "float32")
def attend(q, k, v, *, scale=None):
    (batch, heads, queries, features), (_, pairs, keys, _), width = q.shape, k.shape, v.shape[3]
    out = np.empty((batch, heads, queries, width), np.float32)
    scale = features**-0.5 if scale is None else scale
    pointers = (x.ctypes.data for x in (q, k, v, out))
    native(*pointers, batch, heads, pairs, queries, keys, features, width, scale)
    return out
