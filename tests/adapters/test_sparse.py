"""The adapters of sparse attention: laws on a few problems, blocks that are skipped are never read, misfits are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.adapters.arrays import arrays_for
from attnspec.adapters.contract import Implementation
from attnspec.adapters.finding import find
from attnspec.conformance.explained import verify
from attnspec.conformance.language import load_laws
from attnspec.reference.sparse_attention.definition import pattern, sparse_attention

pytestmark = pytest.mark.long

NAMES = ["numpy/block-sparse", "torch/flex-sparse", "jax/block-sparse", "triton/block-sparse"]
SKIPPING = [name for name in NAMES if name != "torch/flex-sparse"]
LAWS = {law.id: law for law in load_laws()}
FEW = ["sparse/as-defined", "sparse/read-through-values", "sparse/lse-as-defined", "sparse/parts-make-the-whole"]


def made(name: str) -> Implementation:
    return find(name)[0]


def call(name: str, q: Any, k: Any, v: Any, **options: Any) -> Any:
    """The output in NumPy."""
    implementation = made(name)
    arrays = arrays_for(implementation.arrays)
    given = [arrays.to_framework(x, layout=implementation.layout, device=implementation.device) for x in (q, k, v)]
    if "block_mask" in options:
        options = {**options, "block_mask": arrays.to_framework(options["block_mask"], device=implementation.device)}
    return arrays.from_framework(implementation.function(*given, **options), "out")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_laws_hold(name: str, dtype: str) -> None:
    for law in FEW:
        result = verify(made(name), LAWS[law], dtype, budget="quick", examples=4, seed=3)
        assert result.verdict == "pass", (law, result.message, result.case)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_best_keys_are_chosen(dtype: str) -> None:
    for law in (law for law in LAWS if law.startswith("sparse/top-k")):
        result = verify(made("numpy/block-sparse"), LAWS[law], dtype, budget="quick", examples=10)
        assert result.verdict == "pass", (law, result.message, result.case)


@pytest.mark.parametrize("name", SKIPPING)
def test_blocks_that_are_left_out_are_never_read(name: str) -> None:
    r = np.random.default_rng(0)
    q, k, v = (r.standard_normal((1, 2, n, 16)).astype(np.float32) for n in (70, 256, 256))
    mask = np.zeros((1, 2, 2, 4), bool)
    mask[:, 0, :, 1] = mask[:, 1, 0, 3] = mask[:, 1, 1, 1] = True
    options = {"block_mask": mask, "block_size": 64}
    right = sparse_attention(q, k, v, **options, causal_alignment=made(name).conventions["causal_alignment"]).out
    for x in (k, v):
        x[:, :, :64] = x[:, :, 128:192] = np.nan
    out = call(name, q, k, v, **options)
    assert np.abs(out - right).max() < 1e-5, "NaN that is read comes out"


@pytest.mark.parametrize("name", SKIPPING)
def test_a_window_reads_no_key_far_from_it(name: str) -> None:
    r = np.random.default_rng(1)
    q, k, v = (r.standard_normal((1, 1, 320, 16)).astype(np.float32) for _ in range(3))
    right = sparse_attention(q, k, v, window=(3, 3)).out[:, :, :64]
    k[:, :, 160:], v[:, :, 160:] = np.nan, np.nan
    assert np.abs(call(name, q, k, v, window=(3, 3))[:, :, :64] - right).max() < 1e-5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dilation": 0}, "dilation is 0"),
        ({"block_size": 4}, "come together"),
        ({"block_mask": np.ones((1, 1, 2, 1), bool), "block_size": 4}, r"must be \(1 or 1, 1 or 1, 1, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, options: dict[str, Any], words: str) -> None:
    q, k = np.zeros((1, 1, 4, 16), np.float32), np.zeros((1, 1, 8, 16), np.float32)
    with pytest.raises(ValueError, match=words):
        call(name, q, k, k, **options)


def test_lists_of_the_triton_kernel_name_every_tile_that_keeps_a_key_and_hardly_another() -> None:
    made("triton/block-sparse")
    import torch

    from attnspec.adapters.triton.kernels.arguments import sizes_of
    from attnspec.adapters.triton.kernels.block_lists import lists_of, sparse_rules

    r = np.random.default_rng(2)
    listed, needed = 0, 0
    for _ in range(100):
        sq, sk = (int(n) for n in r.integers(1, 90, 2))
        options: dict[str, Any] = {"causal": bool(r.random() < 0.5)}
        if r.random() < 0.6:
            options["window"] = tuple(int(n) for n in r.integers(0, 20, 2))
        if r.random() < 0.4:
            options["global_tokens"] = int(r.integers(1, 4))
        if r.random() < 0.6:
            size = int(r.choice([1, 5, 16, 40]))
            options |= {"block_size": size, "block_mask": r.random((1, 2, -(-sq // size), -(-sk // size))) < 0.3}
        q, k = torch.zeros(1, 2, sq, 16), torch.zeros(1, 2, sk, 16)
        blocks = torch.from_numpy(options["block_mask"]) if "block_mask" in options else None
        rules = sparse_rules(q, k, {**options, "block_mask": blocks})
        lists = lists_of(sizes_of(q, k, k), rules, blocks, 16, 32, "cpu")
        kept = np.broadcast_to(pattern(sq, sk, **options, causal_alignment="bottom-right"), (1, 2, sq, sk))
        tiles, counts = (np.broadcast_to(x.numpy(), (1, 2, *x.shape[2:])) for x in (lists.tiles, lists.counts))
        for head, row in np.ndindex(2, -(-sq // 16)):
            own = set(tiles[0, head, row, : counts[0, head, row]].tolist())
            need = set((np.flatnonzero(kept[0, head, 16 * row : 16 * row + 16].any(0)) // 32).tolist())
            assert need <= own
            listed, needed = listed + len(own), needed + len(need)
    assert needed <= listed < 1.3 * needed
