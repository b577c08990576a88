"""Block masks: of the shape that is due at any size, each pattern what its name says, and built the same each time."""

from __future__ import annotations

import numpy as np
import pytest

from attnspec.conformance.meaning import attended
from attnspec.conformance.operations.sparse_attention.blocks import BLOCK_MASKS, BLOCK_SHAPES, draw_block_mask
from attnspec.conformance.problems.build import build
from attnspec.conformance.problems.structure import Structure

SIZES = (2, 3, 33, 49)


def drawn(pattern: str, size: int = 4, code: str = "bh", sizes: tuple[int, int, int, int] = SIZES, seed: int = 1) -> np.ndarray:
    return draw_block_mask(pattern, size, code, sizes, np.random.default_rng(seed))


@pytest.mark.parametrize("pattern", BLOCK_MASKS)
@pytest.mark.parametrize("size", [1, 4, 16, 64])
@pytest.mark.parametrize("sizes", [SIZES, (1, 1, 1, 1), (1, 2, 0, 3), (2, 1, 5, 0)])
def test_shapes(pattern: str, size: int, sizes: tuple[int, int, int, int]) -> None:
    b, h, sq, sk = sizes
    for code in BLOCK_SHAPES:
        mask = drawn(pattern, size, code, sizes)
        due = (b if code[0] == "b" else 1, h if code[1] == "h" else 1, -(-sq // size), -(-sk // size))
        assert (mask.shape, mask.dtype) == (due, bool)


def test_patterns() -> None:
    mask = {pattern: drawn(pattern) for pattern in BLOCK_MASKS}
    assert mask["full"].all()
    assert 0.4 < mask["random"].mean() < 0.6 and mask["random"].any(-1).all()
    assert (mask["single"].sum(-1) == 1).all()
    assert ((~mask["empty-row"].any(-1)).sum(-1) == 1).all()
    assert ((~mask["empty-column"].any(-2)).sum(-1) >= 1).all()
    assert (mask["lower"] == np.tri(9, 13, dtype=bool)).all()
    assert (mask["diagonal"] == np.eye(9, 13, dtype=bool)).all()
    assert mask["last-column"][..., -1].all() and not mask["last-column"][..., :-1].any()


def test_rows_and_columns_differ_and_so_do_heads() -> None:
    square = drawn("random", sizes=(1, 2, 48, 48))[0]
    assert not np.array_equal(square[0], square[0].T)
    assert not np.array_equal(square[0], square[1])


def test_a_case_is_built_with_both_options_and_judged_under_its_pattern() -> None:
    query = "dtype=float32&b=2&hq=2&hkv=1&sq=5&sk=9&d=4&causal=1&dilation=2&global_tokens=1&block_mask=random:4:1h"
    query += "&values=normal&seed=3"
    case = Structure.parse(query, "sparse_attention")
    assert case.query() == query
    p = build(case)
    assert (p.operation, p.options["block_mask"].shape, p.options["block_size"]) == ("sparse_attention", (1, 2, 2, 3), 4)
    assert np.array_equal(build(case).options["block_mask"], p.options["block_mask"])
    i, j = np.arange(5)[:, None], np.arange(9)
    near = ((i - j) % 2 == 0) | (i < 1) | (j < 1)
    assert np.array_equal(attended(p).visible[0, 1], near & p.options["block_mask"][0, 1][i // 4, j // 4] & (j <= i))
