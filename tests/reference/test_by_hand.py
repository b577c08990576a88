"""Small cases whose answers were worked out on paper."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from attnspec.reference.attention.textbook import Attended, attention
from attnspec.reference.attention.tiled import tiled_attention

BOTTOM_RIGHT = {"causal_alignment": "bottom-right"}
ZERO = np.zeros((1, 1, 1, 1))


def level(sq: int, sk: int, **options: Any) -> Attended:
    """Attention with Q = 0 and V = the key's index: every visible key weighs the same."""
    v = np.arange(sk, dtype=np.float64).reshape(1, 1, sk, 1)
    a = attention(np.zeros((1, 1, sq, 1)), np.zeros((1, 1, sk, 1)), v, **options)
    out, lse = tiled_attention(np.zeros((1, 1, sq, 1)), np.zeros((1, 1, sk, 1)), v, tile=2, **options)
    np.testing.assert_allclose(out, a.out, rtol=1e-14)
    np.testing.assert_allclose(lse, a.lse, rtol=1e-14)
    return a


PICTURES: list[tuple[str, int, int, dict[str, Any], str]] = [
    ("causal, more keys, top-left", 2, 4, {"causal": True}, "1000 1100"),
    ("causal, more keys, bottom-right", 2, 4, {"causal": True, **BOTTOM_RIGHT}, "1110 1111"),
    ("causal, more queries, top-left", 4, 2, {"causal": True}, "10 11 11 11"),
    ("causal, more queries, bottom-right", 4, 2, {"causal": True, **BOTTOM_RIGHT}, "00 00 10 11"),
    ("the offset follows the length", 2, 4, {"causal": True, "kv_lengths": [3], **BOTTOM_RIGHT}, "1100 1110"),
    ("top-left ignores the length", 2, 4, {"causal": True, "kv_lengths": [1]}, "1000 1000"),
    ("a length shorter than the queries", 3, 4, {"causal": True, "kv_lengths": [1], **BOTTOM_RIGHT}, "0000 0000 1000"),
    ("a window without causal, top-left", 3, 4, {"window": (1, 0)}, "1000 1100 0110"),
    ("a window uses the offset", 3, 4, {"window": (1, 0), **BOTTOM_RIGHT}, "1100 0110 0011"),
    ("a window with no right limit", 3, 4, {"window": (1, None)}, "1111 1111 0111"),
    ("a window with no left limit", 3, 4, {"window": (None, 1)}, "1100 1110 1111"),
    ("a window of one key", 3, 3, {"window": (0, 0)}, "100 010 001"),
    ("causal cuts the window's right side", 3, 3, {"window": (1, 1), "causal": True}, "100 110 011"),
    ("a window past the keys", 4, 2, {"window": (1, 0)}, "10 11 01 00"),
    ("segments", 3, 3, {"q_segments": [[0, 1, 1]], "kv_segments": [[1, 0, 1]]}, "010 101 101"),
    ("a bias of minus infinity hides", 1, 3, {"bias": [0.0, -math.inf, 0.0]}, "101"),
]


@pytest.mark.parametrize(("sq", "sk", "options", "picture"), [p[1:] for p in PICTURES], ids=[p[0] for p in PICTURES])
def test_who_sees_whom(sq: int, sk: int, options: dict[str, Any], picture: str) -> None:
    a = level(sq, sk, **options)
    expected = np.array([[c == "1" for c in row] for row in picture.split()])
    np.testing.assert_array_equal(a.visible[0, 0], expected)
    np.testing.assert_array_equal(a.weights[0, 0] > 0, expected)


def test_alibi_counts_from_the_aligned_position() -> None:
    slopes = [0.5]
    np.testing.assert_array_equal(level(1, 3, alibi_slopes=slopes).scores[0, 0], [[0, -0.5, -1]])
    right = level(1, 3, alibi_slopes=slopes, causal_alignment="bottom-right")
    np.testing.assert_array_equal(right.scores[0, 0], [[-1, -0.5, 0]])
    short = level(1, 3, alibi_slopes=slopes, causal_alignment="bottom-right", kv_lengths=[2])
    np.testing.assert_array_equal(short.scores[0, 0], [[-0.5, 0, -np.inf]])


def test_softcap_comes_after_scale_and_before_bias() -> None:
    a = attention([[[[2.0]]]], [[[[3.0]]]], ZERO, scale=0.5, softcap=2.0, bias=[1.0])
    assert a.scores.item() == pytest.approx(2 * math.tanh(1.5) + 1, rel=1e-15)


def test_default_scale_is_one_over_root_d() -> None:
    a = attention(np.ones((1, 1, 1, 4)), np.full((1, 1, 1, 4), 3.0), ZERO)
    assert a.scores.item() == 6.0


def test_neighbouring_query_heads_share_a_key_head() -> None:
    v = np.array([10.0, 20.0]).reshape(1, 2, 1, 1)
    for out in (attention(np.zeros((1, 6, 1, 1)), 0 * v, v).out, tiled_attention(np.zeros((1, 6, 1, 1)), 0 * v, v)[0]):
        assert out.ravel().tolist() == [10, 10, 10, 20, 20, 20]


def test_a_sink_takes_weight_and_gives_no_value() -> None:
    a = level(1, 2, sinks=[0.0])
    np.testing.assert_allclose(a.weights.ravel(), [1 / 3, 1 / 3], rtol=1e-15)
    assert a.out.item() == pytest.approx(1 / 3)
    assert a.lse.item() == pytest.approx(math.log(3))


@pytest.mark.parametrize(("convention", "expected"), [("zeros", 0.0), ("mean", 1.0), ("nan", math.nan)])
def test_a_row_that_sees_no_key(convention: str, expected: float) -> None:
    a = level(1, 3, mask=np.zeros((1, 1, 1, 3), bool), empty_rows=convention)
    np.testing.assert_array_equal(a.out.ravel(), [expected])
    assert np.isneginf(a.lse).all()
    assert (a.weights == 0).all()
    sunk = level(1, 3, mask=np.zeros((1, 1, 1, 3), bool), empty_rows=convention, sinks=[0.75])
    assert (sunk.out.item(), sunk.lse.item()) == (0.0, 0.75)


@pytest.mark.parametrize(("convention", "expected"), [("zeros", 0.0), ("mean", 0.0), ("nan", math.nan)])
def test_no_keys_and_no_queries(convention: str, expected: float) -> None:
    a = level(2, 0, empty_rows=convention)
    np.testing.assert_array_equal(a.out.ravel(), [expected, expected])
    assert a.weights.shape == (1, 1, 2, 0)
    assert level(0, 3, empty_rows=convention).out.shape == (1, 1, 0, 1)
    assert level(0, 0, empty_rows=convention).lse.shape == (1, 1, 0)


def test_dropout_scales_what_it_keeps_and_leaves_weights_alone() -> None:
    a = level(1, 4, dropout_p=0.5, dropout_keep=np.array([True, False, False, True]))
    np.testing.assert_array_equal(a.weights.ravel(), [0.25] * 4)
    assert a.out.item() == (0 + 3) * 0.25 / 0.5


def test_nan_and_infinity_of_hidden_keys_are_contained() -> None:
    r = np.random.default_rng(3)
    q, k, v = (r.standard_normal((1, 1, 4, 2)) for _ in range(3))
    clean = attention(q, k, v, causal=True)
    k[..., 2, :], v[..., 2, 0], k[..., 3, :], v[..., 3, 1] = np.nan, np.inf, np.inf, np.nan
    a = attention(q, k, v, causal=True)
    out, _ = tiled_attention(q, k, v, causal=True, tile=2)
    np.testing.assert_array_equal(a.out[..., :2, :], clean.out[..., :2, :])
    np.testing.assert_allclose(out[..., :2, :], clean.out[..., :2, :], rtol=1e-14)
    assert np.isnan(a.out[..., 2, 0]).all() and np.isnan(out[..., 2, 0]).all()


def test_a_visible_infinity_in_v_reaches_its_column_only() -> None:
    v = np.array([[1.0, 2.0], [np.inf, 4.0]]).reshape(1, 1, 2, 2)
    zeros = np.zeros((1, 1, 2, 1))
    for out in (attention(zeros, zeros, v, causal=True).out, tiled_attention(zeros, zeros, v, causal=True)[0]):
        np.testing.assert_array_equal(out[0, 0], [[1, 2], [np.inf, 3]])
