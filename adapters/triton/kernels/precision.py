"""How numbers enter a matrix product, and in what precision they leave.

Compiled, an operand stays in its own dtype, sums are float32, and float32 products are not shortened to TF32.

Interpreted (Triton 3.9.0), bfloat16 is a 16-bit integer to NumPy, and the interpreter forgets to convert it: tl.dot and
arithmetic compute with the bits (errors of 1e10). `.to` between float32 and bfloat16 truncates where it should round to
nearest, and loses subnormals. So under the interpreter operands are widened to float32, which changes no number, and what
should be bfloat16 is rounded by its bits. The example triton_interpreter_bfloat16.py shows each of these.
"""

from __future__ import annotations

import triton.language as tl

from .mode import INTERPRETED, device

__all__ = ["operand", "rounded", "stored", "widened"]


@device
def widened(x):  # type: ignore[no-untyped-def]
    """The same numbers in float32."""
    if INTERPRETED and x.dtype == tl.bfloat16:
        x = (x.to(tl.uint16, bitcast=True).to(tl.uint32) << 16).to(tl.float32, bitcast=True)
    else:
        x = x.to(tl.float32)
    return x


@device
def operand(x):  # type: ignore[no-untyped-def]
    """Numbers as tl.dot takes them: in their own dtype; interpreted, the same numbers in float32."""
    if INTERPRETED:
        x = widened(x)
    return x


@device
def rounded(x, dtype: tl.constexpr):  # type: ignore[no-untyped-def]
    """float32 numbers rounded to nearest in dtype, as tl.dot takes them."""
    if INTERPRETED:
        if dtype == tl.bfloat16:
            bits = x.to(tl.uint32, bitcast=True)
            bits = tl.add(bits, tl.add((bits >> 16) & 1, 0x7FFF, sanitize_overflow=False), sanitize_overflow=False)
            x = tl.where(x == x, (bits & 0xFFFF0000).to(tl.float32, bitcast=True), x)
        else:
            x = x.to(dtype).to(tl.float32)
    else:
        x = x.to(dtype)
    return x


@device
def stored(x, dtype: tl.constexpr):  # type: ignore[no-untyped-def]
    """float32 numbers rounded to nearest in dtype, as tl.store takes them."""
    if INTERPRETED:
        if dtype == tl.bfloat16:
            x = rounded(x, dtype)
            x = (x.to(tl.uint32, bitcast=True) >> 16).to(tl.uint16).to(tl.bfloat16, bitcast=True)
        else:
            x = x.to(dtype)
    else:
        x = x.to(dtype)
    return x
