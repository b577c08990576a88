"""What Triton's interpreter does to bfloat16, without a word, and what does right (seen in Triton 3.9.0).

    TRITON_INTERPRET=1 python examples/triton_interpreter_bfloat16.py

To NumPy a bfloat16 is a 16-bit integer. tl.dot and + compute with that integer, and `.to(tl.bfloat16)` cuts where a GPU rounds
to nearest. So: widen by the bits before tl.dot, and round by the bits. The kernels in adapters/triton/kernels/precision.py do.
"""

import os

os.environ["TRITON_INTERPRET"] = "1"

import torch
import triton
import triton.language as tl


@triton.jit
def compute(x_ptr, y_ptr, product, widened, total, cut, small):
    at = tl.arange(0, 16)[:, None] * 16 + tl.arange(0, 16)[None, :]
    x = tl.load(x_ptr + at)
    tl.store(product + at, tl.dot(x, x))
    bits = (x.to(tl.uint16, bitcast=True).to(tl.uint32) << 16).to(tl.float32, bitcast=True)
    tl.store(widened + at, tl.dot(bits, bits))
    tl.store(total + at, x + x)
    tl.store(cut + at, tl.load(y_ptr + at).to(tl.bfloat16))
    tl.store(small + at, x.to(tl.float32))


def main() -> None:
    x = torch.ones(16, 16, dtype=torch.bfloat16)
    x[0, 0] = 2.0**-130  # A subnormal number of bfloat16.
    y = torch.full((16, 16), 1 + 2.0**-8 + 2.0**-9)  # Three quarters of the way from 1 to the next bfloat16.
    product, widened, small = (torch.zeros(16, 16) for _ in range(3))
    total, cut = (torch.zeros(16, 16, dtype=torch.bfloat16) for _ in range(2))
    compute[(1,)](x, y, product, widened, total, cut, small)
    for what, got, right in (
        ("tl.dot of ones, 16 terms", product[1, 1], (x.float() @ x.float())[1, 1]),
        ("the same, widened by the bits", widened[1, 1], (x.float() @ x.float())[1, 1]),
        ("1 + 1", total[1, 1], (x + x)[1, 1]),
        (f"{y[0, 0]:.9g} to bfloat16", cut[0, 0], y.bfloat16()[0, 0]),
        (f"{2.0**-130:.3g} to float32", small[0, 0], x.float()[0, 0]),
    ):
        print(f"{what:32} {got:.9g}, and right is {right:.9g}")


if __name__ == "__main__":
    main()
