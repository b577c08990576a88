"""The kernels compile for a GPU, to machine code, on a machine that has none.

An interpreter takes what a compiler does not. Each kernel is compiled for compute capability 8.0 with every option, and with
all sizes 1, which Triton makes constants.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

pytestmark = pytest.mark.long

SCRIPT = """
import json
import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

class Device:
    def get_current_target(self): return GPUTarget("cuda", 80, 32)
    def get_current_device(self): return 0
    def get_current_stream(self, device): return 0

driver.set_active(Device())
from attnspec.adapters.triton.kernels import launch, launch_linear, launch_sparse, mode
assert not mode.interpreted
compiled = []

class Compiling:
    def __init__(self, kernel): self.kernel = kernel
    def __getitem__(self, grid):
        def compile(*arguments, **blocks):
            made = self.kernel.warmup(*arguments, grid=grid, **blocks)
            compiled.append((self.kernel.fn.__name__, len(made.asm["cubin"]), made.metadata.shared))
        return compile

launch.runnable = lambda: None
for name in ("flash_forward", "split_parts", "merge_parts", "grad_query", "grad_key_value"):
    setattr(launch, name, Compiling(getattr(launch, name)))
launch_sparse.block_sparse_forward = Compiling(launch_sparse.block_sparse_forward)
launch_linear.linear_chunks = Compiling(launch_linear.linear_chunks)

def run(b, hq, hkv, sq, sk, d, dv, dtype, **options):
    q, k, v = (torch.zeros(b, *shape, dtype=dtype) for shape in ((hq, sq, d), (hkv, sk, d), (hkv, sk, dv)))
    launch.split_kv(q, k, v, return_lse=True, **options)
    launch.flash_backward(torch.zeros(b, hq, sq, dv, dtype=dtype), q, k, v, **options)

run(1, 1, 1, 1, 1, 1, 1, torch.float32, causal=True)
run(
    2, 6, 3, 33, 65, 40, 24, torch.bfloat16, window=(3, 2), mask=torch.ones(33, 65, dtype=torch.bool),
    bias=torch.ones(6, 1, 65, dtype=torch.bfloat16), alibi_slopes=torch.ones(6), softcap=3.0, sinks=torch.ones(6),
    q_segments=torch.zeros(2, 33, dtype=torch.int32), kv_segments=torch.zeros(2, 65, dtype=torch.int32),
    kv_lengths=torch.tensor([3, 65], dtype=torch.int32),
)

def run_sparse(b, hq, hkv, sq, sk, d, dv, dtype, **options):
    q, k, v = (torch.zeros(b, *shape, dtype=dtype) for shape in ((hq, sq, d), (hkv, sk, d), (hkv, sk, dv)))
    launch_sparse.block_sparse(q, k, v, return_lse=True, **options)

run_sparse(1, 1, 1, 1, 1, 1, 1, torch.float32, causal=True)
run_sparse(
    2, 6, 3, 33, 65, 40, 24, torch.bfloat16, causal=True, window=(3, 2), dilation=2, global_tokens=2,
    block_mask=torch.ones(1, 6, 9, 17, dtype=torch.bool), block_size=4,
)
run_sparse(1, 2, 2, 300, 300, 256, 256, torch.float32, window=(16, 0))

def run_linear(b, h, s, d, dv, dtype, **options):
    q, k, v = (torch.zeros(b, h, s, width, dtype=dtype) for width in (d, d, dv))
    launch_linear.linear_chunk(q, k, v, return_state=True, **options)

run_linear(1, 1, 1, 1, 1, torch.float32)
run_linear(
    2, 3, 33, 40, 24, torch.bfloat16, causal=True, normalize=True, feature_map="elu1", decay=torch.ones(3),
    gate=torch.zeros(2, 3, 33), initial_state=(torch.zeros(2, 3, 40, 24), torch.zeros(2, 3, 40)),
    kv_lengths=torch.tensor([3, 33], dtype=torch.int32),
)
run_linear(1, 2, 65, 128, 128, torch.float32, causal=True, feature_map="exp", gate=torch.zeros(1, 2, 65))
print(json.dumps(compiled))
"""


@pytest.mark.skipif(torch.version.hip is not None, reason="compiles for CUDA")
def test_every_kernel_compiles_for_a_gpu() -> None:
    environment = {**os.environ, "TRITON_INTERPRET": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr[-4000:]
    compiled = json.loads(ran.stdout)
    kernels = {"flash_forward", "split_parts", "merge_parts", "grad_query", "grad_key_value", "block_sparse_forward"}
    kernels |= {"linear_chunks"}
    assert {name for name, _, _ in compiled} == kernels and len(compiled) == 16
    assert all(size > 0 for _, size, _ in compiled)
    assert all(shared <= 163 * 1024 for _, _, shared in compiled), "the memory of a program on that device"
