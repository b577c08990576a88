"""Masks, biases, segments, lengths, slopes and sinks do what their pattern says."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from attnspec.conformance.operations.attention.masks import (
    BIASES,
    MASKS,
    draw_bias,
    draw_mask,
    is_shape_code,
    shape_of,
)
from attnspec.conformance.operations.attention.vectors import (
    DESCALES,
    SINKS,
    SLOPES,
    draw_descales,
    draw_segments,
    draw_sinks,
    draw_slopes,
)
from attnspec.conformance.operations.over_heads.lengths import LENGTHS, draw_lengths
from attnspec.conformance.problems.dtypes import bias_dtype

SCORES = (2, 3, 31, 41)
CODES = ("bhqk", "1hqk", "b1qk", "11qk", "b11k", "hqk", "1qk", "qk", "1k", "k")


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("code", ["bhqk", "11qk", "qk", "k", "1111", "1"])
def test_shape_codes(code: str) -> None:
    assert is_shape_code(code)
    assert np.broadcast_shapes(shape_of(code, SCORES), SCORES) == SCORES


@pytest.mark.parametrize("code", ["", "kq", "bhqkk", "hbqk", "bq", "2hqk", "BHQK"])
def test_no_shape_codes(code: str) -> None:
    assert not is_shape_code(code)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("scores", [SCORES, (1, 1, 1, 1), (1, 2, 0, 3), (1, 2, 3, 0)])
def test_masks_and_biases_have_the_coded_shape_and_are_finite(code: str, scores: tuple[int, ...]) -> None:
    for pattern in MASKS:
        mask = draw_mask(pattern, code, scores, rng())
        assert (mask.shape, mask.dtype) == (shape_of(code, scores), bool)
    for pattern in BIASES:
        for dtype in ("float32", "float16", "bfloat16"):
            bias = draw_bias(pattern, code, scores, dtype, rng())
            assert (bias.shape, bias.dtype.name) == (shape_of(code, scores), dtype)
            assert np.isfinite(bias.astype(np.float64)).all()


@pytest.mark.parametrize("pattern", MASKS)
@pytest.mark.parametrize("scores", [SCORES, (1, 1, 7, 1), (1, 1, 1, 5), (2, 2, 5, 17)])
def test_only_empty_rows_empties_rows(pattern: str, scores: tuple[int, ...]) -> None:
    for seed in range(10):
        seen = draw_mask(pattern, "bhqk", scores, rng(seed)).any(axis=-1)
        assert seen.all() == (pattern != "empty-rows")


def test_patterns_of_masks() -> None:
    mask = {pattern: draw_mask(pattern, "bhqk", SCORES, rng()) for pattern in MASKS}
    assert mask["full"].all()
    assert 0.57 < mask["random"].mean() < 0.63
    assert {*np.unique(mask["sparse"].sum(-1))} == {1, 2}
    assert 0.2 < 1 - mask["empty-rows"].any(-1).mean() < 0.5
    without = ~mask["first-tile"][..., :16].any(-1)
    assert 0.3 < without.mean() < 0.7
    assert (mask["first-tile"][..., 16:]).all()
    assert {*np.unique(mask["last-keys"].sum(-1))} == {1, 2, 3}
    assert mask["last-keys"][..., -1].all()
    assert (mask["checkerboard"][..., :-1] != mask["checkerboard"][..., 1:]).all()
    assert (mask["banded"].sum(-1) == 41 // 3).all()
    assert (np.roll(mask["banded"][:, :, :-1], 1, axis=-1) == mask["banded"][:, :, 1:]).all()


def test_patterns_of_biases() -> None:
    bias = {pattern: draw_bias(pattern, "bhqk", SCORES, "float32", rng()) for pattern in BIASES}
    assert not bias["zeros"].any()
    assert 0.9 < bias["normal"].std() < 1.1
    assert 25 < np.abs(bias["large"]).max() <= 30
    assert (np.diff(bias["ramp"][0, 0, 0]) == 1 / 8).all()
    assert (bias["ramp"][..., -1] == 0).all()
    assert 0.35 < (bias["masked"] == -1e4).mean() < 0.45


def test_segments_ascend_are_unequal_and_meet() -> None:
    one_sided = unequal = 0
    for seed in range(50):
        q_ids, kv_ids = draw_segments(4, 3, 17, 29, rng(seed), rng(seed + 1000))
        assert (q_ids.shape, kv_ids.shape) == ((3, 17), (3, 29))
        assert q_ids.dtype == kv_ids.dtype == np.int32
        for q_row, kv_row in zip(q_ids, kv_ids, strict=True):
            assert (np.diff(q_row) >= 0).all() and (np.diff(kv_row) >= 0).all()
            assert min(q_row[0], kv_row[0]) >= 0 and max(q_row[-1], kv_row[-1]) < 4
            assert np.intersect1d(q_row, kv_row).size
            one_sided += bool(np.setxor1d(q_row, kv_row).size)
            unequal += len(np.unique(np.unique(kv_row, return_counts=True)[1])) > 1
    assert one_sided > 20
    assert unequal > 100


def test_segments_that_never_meet_are_moved() -> None:
    for seed in range(200):
        q_ids, kv_ids = draw_segments(5, 4, 1, 1, rng(seed), rng(seed + 1000))
        assert (q_ids == kv_ids).all()


@pytest.mark.parametrize(("sq", "sk"), [(0, 3), (3, 0)])
def test_segments_of_nothing(sq: int, sk: int) -> None:
    q_ids, kv_ids = draw_segments(3, 2, sq, sk, rng(1), rng(2))
    assert (q_ids.shape, kv_ids.shape) == ((2, sq), (2, sk))


def test_lengths() -> None:
    for sk in (0, 1, 19):
        made = {pattern: draw_lengths(pattern, 40, sk, rng()) for pattern in LENGTHS}
        for lengths in made.values():
            assert lengths.dtype == np.int32
            assert lengths.min() >= 0 and lengths.max() <= sk
        assert (made["full"] == sk).all()
        assert (made["one"] == min(1, sk)).all()
        assert (made["zero-some"] == 0).any()
        if sk > 1:
            assert made["random"].min() >= 1
            assert len(np.unique(made["random"])) > 5
            assert (made["zero-some"] > 0).any()


def test_slopes_and_sinks_are_bfloat16_values() -> None:
    made = [draw_slopes(pattern, 12, rng()) for pattern in SLOPES] + [draw_sinks(pattern, 12, rng()) for pattern in SINKS]
    for x in made:
        assert (x.shape, x.dtype) == ((12,), np.float32)
        assert (x.astype(ml_dtypes.bfloat16).astype(np.float32) == x).all()
    assert (draw_slopes("geometric", 8, rng()) == 2.0 ** -np.arange(1, 9)).all()
    assert (draw_slopes("random", 99, rng()) > 0).all()
    assert draw_sinks("low", 99, rng()).max() < -20 < 4 < draw_sinks("large", 99, rng()).min()


def test_descales_differ_by_head_and_entry_and_a_bias_beside_float8_is_wider() -> None:
    for pattern in DESCALES:
        made = draw_descales(pattern, 8, 9, rng())
        assert (made.shape, made.dtype) == ((8, 9), np.float32)
        assert made.min() >= 0.5 and made.max() <= 2 and len(np.unique(made)) >= 3
        assert (np.frexp(made)[0] == 0.5).all() == (pattern == "powers")
    assert [bias_dtype(name) for name in ("float32", "float8_e4m3fn", "float8_e5m2")] == ["float32", "bfloat16", "bfloat16"]
    with pytest.raises(ValueError, match="unknown pattern 'flat'"):
        draw_descales("flat", 1, 1, rng())


@pytest.mark.parametrize("draw", [draw_slopes, draw_sinks])
def test_unknown_patterns(draw) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="unknown pattern 'flat'"):
        draw("flat", 3, rng())
    with pytest.raises(ValueError, match="unknown pattern 'flat'"):
        draw_lengths("flat", 3, 3, rng())
