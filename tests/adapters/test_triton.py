"""Triton kernels against the definition in conftest, where tiles end, where nothing is to attend to, and in what runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
import triton
import triton.language as tl
from torch.utils._python_dispatch import TorchDispatchMode

from attnspec.adapters.finding import find
from attnspec.adapters.triton.kernels import mode, precision
from attnspec.conformance.problems.problem import MEMORIES, Problem

pytestmark = pytest.mark.long

NAMES = ["triton/flash", "triton/split-kv"]
DTYPES = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}
ROUNDOFF = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}

ROUNDINGS = 40
"""Roundings, each relative to the largest value or score, that one answer may carry here. Wrong ones are off by thousands."""

ROOT = Path(__file__).resolve().parents[2]


def close(have: Any, want: Any, roundoff: float, size: float) -> None:
    np.testing.assert_array_equal(np.isnan(have), np.isnan(want))
    np.testing.assert_array_equal(np.isneginf(have), np.isneginf(want))
    finite = np.isfinite(want)
    assert np.all(np.abs(have.astype(float)[finite] - want[finite]) <= ROUNDINGS * roundoff * size)


def problem(sizes: tuple[int, ...], dtype: str = "float32", seed: int = 0, **options: Any) -> Problem:
    """sizes: b, hq, hkv, sq, sk, d, dv."""
    b, hq, hkv, sq, sk, d, dv = sizes
    rng = np.random.default_rng(seed)
    arrays = (rng.standard_normal(shape) for shape in ((b, hq, sq, d), (b, hkv, sk, d), (b, hkv, sk, dv)))
    conventions = dict(find("triton/flash")[0].conventions)
    return Problem(
        {name: x.astype(DTYPES[dtype]) for name, x in zip("qkv", arrays, strict=True)},
        dtype,
        options,
        conventions,
        operation="attention",
    )


def fresh(script: str, **environment: str) -> str:
    """What a script prints in a process of its own, without what this one set."""
    kept = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT, env={**kept, **environment}
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_drawn_problems_agree_with_the_definition(name: str, dtype: str, define: Any, draw: Any, call: Any) -> None:
    made = find(name)[0]
    seen: set[str] = set()
    for seed in range(40):
        p = draw(made, dtype, seed)
        have, (out, lse, _) = call(made, p), define(p)
        seen |= set(p.options)
        assert have["out"].dtype == p.q.dtype and have["out"].shape == out.shape
        close(have["out"], out, ROUNDOFF[dtype], 1 + float(np.abs(p.v.astype(float)).max(initial=0)))
        if "lse" in have:
            assert have["lse"].dtype == np.float32
            close(have["lse"], lse, 2.0**-24, 10)
    assert seen == made.options


EDGES = [
    (1, 1, 1, 16, 64, 8, 8),
    (1, 1, 1, 17, 65, 8, 8),
    (2, 3, 1, 22, 63, 8, 8),  # 66 rows, all heads of one group
    (1, 2, 2, 65, 129, 8, 8),
    (3, 2, 1, 3, 33, 80, 24),  # wide heads: tiles of 32 keys
    (1, 1, 1, 2, 40, 256, 130),
    (2, 1, 1, 70, 1, 1, 3),
]


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"window": (5, 2)}, {"window": (None, 0)}])
@pytest.mark.parametrize("sizes", EDGES)
@pytest.mark.parametrize("name", NAMES)
def test_tiles_end_where_they_should(name: str, sizes: tuple[int, ...], options: Any, define: Any, call: Any) -> None:
    p = problem(sizes, **options, return_lse=True)
    have, (out, lse, _) = call(find(name)[0], p), define(p)
    close(have["out"], out, 2.0**-24, 1 + float(np.abs(p.v).max()))
    close(have["lse"], lse, 2.0**-24, 10)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sizes", [(0, 2, 1, 3, 4, 8, 8), (2, 2, 1, 0, 4, 8, 8), (2, 2, 1, 3, 0, 8, 8), (2, 2, 1, 3, 4, 8, 0)])
def test_nothing_to_attend_to(name: str, sizes: tuple[int, ...], call: Any) -> None:
    p = problem(sizes, return_lse=True)
    have = call(find(name)[0], p)
    assert have["out"].shape == (sizes[0], sizes[1], sizes[3], sizes[6])
    assert np.all(have["out"] == 0)
    assert have["lse"].shape == (sizes[0], sizes[1], sizes[3])
    assert np.all(np.isneginf(have["lse"]) if sizes[4] == 0 else np.isfinite(have["lse"]))


def test_without_features_every_key_weighs_the_same(call: Any) -> None:
    p = problem((1, 1, 1, 2, 5, 0, 4))
    for name in NAMES:
        close(call(find(name)[0], p)["out"], np.broadcast_to(p.v.mean(axis=2, keepdims=True), (1, 1, 2, 4)), 2.0**-24, 4)


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("name", NAMES)
def test_memory_does_not_change_a_bit(name: str, memory: str, call: Any) -> None:
    made = find(name)[0]
    p = problem((1, 6, 2, 9, 40, 16, 16), causal=True)
    q, k, v = (np.repeat(x, 2, axis=0) for x in (p.q, p.k, p.v))
    plain, placed = (
        Problem({"q": q, "k": k, "v": v}, "float32", p.options, p.conventions, memory=m, operation="attention")
        for m in ("contiguous", memory)
    )
    np.testing.assert_array_equal(call(made, plain)["out"], call(made, placed)["out"])


@pytest.mark.parametrize("name", NAMES)
def test_what_lies_past_the_end_or_before_the_start_is_never_read(name: str) -> None:
    """An entry without a key shares a program with one that has some; NaN lies around both and past each length."""
    function = find(name)[0].function
    buffer = torch.full((3 * 7 + 3 * 2 * 7 * 4,), torch.nan)
    k = buffer[7 : 7 + 2 * 7 * 4].view(2, 1, 7, 4)
    k[1, :, :3] = torch.arange(12.0).view(1, 3, 4)
    q = torch.ones(2, 1, 3, 4)
    out, lse = function(q, k, k, kv_lengths=torch.tensor([0, 3], dtype=torch.int32), return_lse=True)
    assert torch.all(out[0] == 0) and torch.all(torch.isneginf(lse[0]))
    assert torch.isfinite(out[1]).all() and torch.isfinite(lse[1]).all()


@pytest.mark.parametrize("name", NAMES)
def test_pytorch_holds_the_arrays_and_computes_nothing(name: str) -> None:
    called: set[str] = set()

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            called.add(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    made = find(name)[0]
    q, k = torch.randn(2, 4, 5, 8), torch.randn(2, 2, 9, 8)
    options = {
        "mask": torch.ones(5, 9, dtype=torch.bool), "bias": torch.randn(4, 1, 9), "alibi_slopes": torch.ones(4),
        "softcap": 3.0, "sinks": torch.ones(4), "kv_lengths": torch.tensor([3, 9], dtype=torch.int32), "causal": True,
    }  # fmt: skip
    dout = torch.ones(2, 4, 5, 8)
    with Watch():
        made.function(q, k, k, return_lse=True, **options)
        assert callable(made.backward)
        made.backward(dout, q, k, k, **options)
    copies = {"set_", "copy_", "new_empty", "detach", "_to_copy", "resize_"}  # how the interpreter takes and returns arrays
    assert called <= {"empty", "zeros", "empty_like", "expand", "unsqueeze", *copies}
    assert "empty" in called


def test_pytorch_alone_does_not_import_triton_nor_the_package_either_of_them() -> None:
    assert fresh("import sys, torch; print('triton' in sys.modules)") == "False"
    script = "import sys, attnspec.adapters.triton.kernels; print('triton' in sys.modules, 'torch' in sys.modules)"
    assert fresh(script) == "False False"


@pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU nothing is interpreted")
@pytest.mark.parametrize("before", ["pass", "import triton; assert not triton.knobs.runtime.interpret"])
def test_the_interpreter_is_chosen_whether_or_not_triton_was_imported_before(before: str) -> None:
    script = (
        "from attnspec.adapters.finding import find\nimport torch\nq = torch.ones(1, 1, 3, 8)\n"
        "made = find('triton/flash')[0]\nprint(made.device, made.notes[0], made.function(q, q, q).mean().item())"
    )
    printed = fresh(f"{before}\n{script}")
    assert printed == f"cpu interpreted on the CPU by Triton {triton.__version__}, not compiled 1.0"


@pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU it is compiled")
def test_without_interpreter_and_without_gpu_it_says_so_and_computes_nothing() -> None:
    script = (
        "from attnspec.adapters.finding import find\nimport torch\nq = torch.ones(1, 1, 3, 8)\n"
        "try:\n    find('triton/flash')[0].function(q, q, q)\nexcept RuntimeError as error:\n    print(error)"
    )
    assert "PyTorch sees no CUDA device" in fresh(script, TRITON_INTERPRET="0")


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_fit_together_is_refused(name: str) -> None:
    function, q = find(name)[0].function, torch.ones(2, 4, 3, 8)
    for words, arguments, options in (
        ("multiple", (q, q[:, :3], q[:, :3]), {}),
        ("features", (q, q[..., :4], q), {}),
        ("positions", (q, q, q[:, :, :2]), {}),
        ("dtype", (q, q.half(), q), {}),
        ("batch", (q, q[:1], q), {}),
        ("a tile holds 256", (torch.ones(1, 1, 1, 257),) * 3, {}),
        ("broadcast", (q, q, q), {"mask": torch.ones(3, 4, dtype=torch.bool)}),
        ("kv_lengths", (q, q, q), {"kv_lengths": torch.tensor([1, 4])}),
        ("come together", (q, q, q), {"q_segments": torch.zeros(2, 3, dtype=torch.int32)}),
    ):
        with pytest.raises(ValueError, match=words):
            function(*arguments, **options)
    refuse = find(name)[0].supports
    assert refuse is not None and "256" in str(refuse(problem((1, 1, 1, 1, 1, 257, 8))))


@triton.jit
def _convert(x, wide, near, out, count: tl.constexpr):  # type: ignore[no-untyped-def]
    at = tl.arange(0, count)
    tl.store(wide + at, precision.widened(tl.load(x + at)))
    numbers = tl.load(near + at)
    tl.store(near + at, precision.rounded(numbers, x.dtype.element_ty).to(tl.float32))
    tl.store(out + at, precision.stored(numbers, x.dtype.element_ty))


@pytest.mark.skipif(not mode.interpreted, reason="compiled kernels convert in hardware")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_every_half_number_is_widened_exactly_and_float32_is_rounded_to_nearest(dtype: torch.dtype) -> None:
    x = torch.arange(-(1 << 15), 1 << 15).to(torch.int16).view(dtype)
    bits = np.random.default_rng(0).integers(0, 1 << 32, 1 << 16, dtype=np.uint32)
    bits[: 1 << 14] &= 0xFFFF8000  # ties among them
    numbers = torch.from_numpy(bits.view(np.float32))
    wide, near, out = torch.empty(1 << 16), numbers.clone(), torch.empty(1 << 16, dtype=dtype)
    with np.errstate(over="ignore"):
        _convert[(1,)](x, wide, near, out, 1 << 16)
    assert torch.equal(wide.nan_to_num(7), x.float().nan_to_num(7))
    for rounded in (near, out.float()):
        assert torch.equal(rounded.isnan(), numbers.isnan())
        assert torch.equal(rounded.nan_to_num(7), numbers.to(dtype).float().nan_to_num(7))


def test_the_example_shows_what_the_kernels_go_around() -> None:
    """The day Triton's interpreter gets bfloat16 right, precision.py can go."""
    lines = fresh(
        f"import runpy; runpy.run_path({str(ROOT / 'examples' / 'triton_interpreter_bfloat16.py')!r}, run_name='__main__')"
    )
    pairs = [line.rpartition("    ")[2].split(", and right is ") for line in lines.splitlines()]
    assert len(pairs) == 5
    wrong = [got.split()[-1] != right for got, right in pairs]
    assert wrong == [True, False, True, True, True], lines


def test_conventions_and_claims_are_declared() -> None:
    for name in NAMES:
        made = find(name)[0]
        assert set(made.conventions) == {"causal_alignment", "empty_rows", "hidden_nan"}
        assert "deterministic" in made.claims
        assert made.notes == (mode.NOTE,)
        assert made.backward_options == made.options - {"return_lse"}
