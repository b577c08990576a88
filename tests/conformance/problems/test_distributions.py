"""Each distribution has the property that its name says, measured on what it draws, in every dtype."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attnspec.conformance.operations.over_heads.distributions import DISTRIBUTIONS, RANDOM_SIGNS
from attnspec.conformance.problems.dtypes import rounded
from attnspec.conformance.problems.streams import TAGS, stream
from attnspec.conformance.problems.structure import Structure
from attnspec.reference.arithmetic import SMALLEST_NORMAL, SMALLEST_SUBNORMAL

DTYPES = ("float64", "float32", "float16", "bfloat16")
ALL_DTYPES = (*DTYPES, "float8_e4m3fn", "float8_e5m2")
WIDTHS = (1, 8, 40, 128)


def sizes(dtype: str = "float32", d: int = 16, sk: int = 97, seed: int = 5) -> Structure:
    return Structure.of("attention", b=2, hq=6, hkv=2, sq=31, sk=sk, d=d, dv=24, dtype=dtype, seed=seed)


def draw_values(name: str, s: Structure) -> list[np.ndarray]:
    """q, k and v in the dtype."""
    made = DISTRIBUTIONS[name](s)
    return [rounded(made[array], s.dtype) for array in ("q", "k", "v")]


def drawn(name: str, s: Structure) -> list[np.ndarray]:
    return [x.astype(np.float64) for x in draw_values(name, s)]


def scores(name: str, s: Structure) -> np.ndarray:
    q, k, _ = drawn(name, s)
    return q @ np.swapaxes(np.repeat(k, s.hq // s.hkv, axis=1), -1, -2) / s.d**0.5


def weights(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("dtype", ALL_DTYPES)
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_shapes_dtype_and_finiteness(name: str, dtype: str) -> None:
    for d in WIDTHS:
        s = sizes(dtype, d)
        q, k, v = draw_values(name, s)
        assert (q.shape, k.shape, v.shape) == ((2, 6, 31, d), (2, 2, 97, d), (2, 2, 97, 24))
        for x in (q, k, v):
            assert x.dtype.name == dtype
            assert x.flags.c_contiguous
            assert np.isfinite(x.astype(np.float64)).all()


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(name: str) -> None:
    first, again, other = (draw_values(name, sizes(seed=seed)) for seed in (5, 5, 6))
    assert all(x.tobytes() == y.tobytes() for x, y in zip(first, again, strict=True))
    assert any(x.tobytes() != y.tobytes() for x, y in zip(first, other, strict=True))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize(("sq", "sk"), [(0, 5), (5, 0), (1, 1)])
def test_empty_and_single(name: str, sq: int, sk: int) -> None:
    q, k, v = draw_values(name, sizes().sized(sq=sq, sk=sk))
    assert (q.shape[2], k.shape[2], v.shape[2]) == (sq, sk, sk)


@pytest.mark.parametrize(("name", "sigma"), [("soft", 0.2), ("normal", 1.0), ("sharp", 4.0), ("positive", 1.0)])
@pytest.mark.parametrize("d", WIDTHS)
def test_scores_have_the_stated_spread_at_any_width(name: str, sigma: float, d: int) -> None:
    many = [scores(name, sizes(d=d, seed=seed)).std() for seed in range(5)]
    assert np.mean(many) == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize("dtype", ALL_DTYPES)
def test_integers_are_small_and_leave_room(dtype: str) -> None:
    q, k, v = drawn("integers", sizes(dtype))
    assert {*np.unique(q)} == {*np.unique(k)} == {-2, -1, 0, 1, 2}
    assert {*np.unique(v)} == set(range(-4, 5))


@pytest.mark.parametrize("dtype", DTYPES)
def test_constant_and_zeros_give_every_key_one_score(dtype: str) -> None:
    for name in ("constant", "zeros"):
        x = scores(name, sizes(dtype))
        assert np.ptp(x) == 0
    _, _, v = drawn("constant", sizes(dtype))
    assert (v == v[:, :, :1]).all()
    assert np.ptp(v[:, :, 0]) > 1
    _, _, v = drawn("zeros", sizes(dtype))
    assert np.std(v) > 0.5


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", WIDTHS)
def test_the_row_maximum_rises_and_falls_from_tile_to_tile(dtype: str, d: int) -> None:
    for name, sign in (("rising", 1), ("falling", -1)):
        x = scores(name, sizes(dtype, d, sk=113))
        maxima = np.stack([x[..., t : t + 16].max(-1) for t in range(0, 113, 16)], axis=-1)
        assert (sign * np.diff(maxima, axis=-1) > 0.2).all(), name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", WIDTHS)
def test_one_key_dominates_in_each_head(dtype: str, d: int) -> None:
    p = weights(scores("dominating", sizes(dtype, d)))
    assert p.max(-1).min() > 0.99
    places = p.argmax(-1)
    assert (places == places[..., :1]).all()
    assert len(np.unique(places)) > 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", WIDTHS)
@pytest.mark.parametrize(("name", "low", "high"), [("logits50", 50, 100), ("logits6e4", 5.4e4, 6.6e4)])
def test_large_scores_lie_in_their_range(name: str, low: float, high: float, dtype: str, d: int) -> None:
    x = scores(name, sizes(dtype, d))
    assert np.abs(x).min() >= low
    assert np.abs(x).max() <= high
    assert {*np.unique(np.sign(x))} == {-1, 1}


@pytest.mark.parametrize("dtype", DTYPES)
def test_subnormals_are_tiny_and_some_are_subnormal(dtype: str) -> None:
    for x in drawn("subnormals", sizes(dtype)):
        size = np.abs(x)
        assert (size >= SMALLEST_SUBNORMAL[dtype]).all()
        assert (size < 16 * SMALLEST_NORMAL[dtype]).all()
        share = (size < SMALLEST_NORMAL[dtype]).mean()
        assert 0.1 < share < 0.9


@pytest.mark.parametrize("dtype", DTYPES)
def test_positive_values_lie_between_one_and_two(dtype: str) -> None:
    for seed in range(20):
        _, _, v = drawn("positive", sizes(dtype, seed=seed))
        assert v.min() >= 1
        assert v.max() < 2


def test_ties_repeat_a_few_keys_under_different_values() -> None:
    _, k, v = drawn("ties", sizes())
    for entry in k.reshape(-1, 97, 16):
        assert 1 < len(np.unique(entry, axis=0)) <= 4
    assert len(np.unique(v.reshape(-1, 24), axis=0)) == 2 * 2 * 97


@pytest.mark.parametrize("name", sorted(RANDOM_SIGNS))
def test_signs_of_v_do_not_follow_anything(name: str) -> None:
    """The sign of V is fair, and its products with q's, k's and its neighbours' signs and with |V| average to nothing."""
    # All three arrays have one shape here, so that streams that are one by mistake give equal arrays.
    square = Structure.of("attention", b=2, hq=3, hkv=3, sq=97, sk=97, d=16)
    pairs: dict[str, list[Any]] = {"mean": [], "queries": [], "keys": [], "neighbours": [], "size": []}
    for seed in range(8):
        q, k, v = drawn(name, replace(square, seed=seed))
        sign = np.sign(v)
        pairs["mean"].append(sign.ravel())
        pairs["queries"].append((sign * np.sign(q)).ravel())
        pairs["keys"].append((sign * np.sign(k)).ravel())
        pairs["neighbours"].append((sign[:, :, 1:] * sign[:, :, :-1]).ravel())
        pairs["size"].append((sign * (np.abs(v) > np.median(np.abs(v)))).ravel())
    for what, products in pairs.items():
        joined = np.concatenate(products)
        assert abs(joined.mean()) < 5 / np.sqrt(joined.size), what


@pytest.mark.parametrize("name", ["constant", "positive"])
def test_the_sign_test_can_fail(name: str) -> None:
    _, _, v = drawn(name, sizes())
    sign = np.sign(v)
    assert abs((sign[:, :, 1:] * sign[:, :, :-1]).mean()) > 5 / np.sqrt(sign.size)
    assert name not in RANDOM_SIGNS


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_v_does_not_change_with_q(name: str) -> None:
    """Each array has a stream of its own: another number of queries moves neither k nor v, another Dv neither q nor k."""
    q, k, v = draw_values(name, sizes())
    _, k_again, v_again = draw_values(name, sizes().sized(sq=7))
    assert k.tobytes() == k_again.tobytes()
    assert v.tobytes() == v_again.tobytes()
    q_again, k_again, _ = draw_values(name, sizes().sized(dv=3))
    assert q.tobytes() == q_again.tobytes()
    assert k.tobytes() == k_again.tobytes()


def test_every_array_has_a_stream_of_its_own() -> None:
    first = {name: stream(7, name).random() for name in TAGS}
    assert len(set(first.values())) == len(TAGS)
