"""The sparse pattern: two definitions that share no code agree, hand-drawn patterns come out, misfits are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.reference.arithmetic import arithmetic_for
from attnspec.reference.attention.textbook import attention
from attnspec.reference.sparse_attention.choice import clear_choice
from attnspec.reference.sparse_attention.definition import best, narrowed, pattern, sparse_attention
from attnspec.reference.sparse_attention.rows import kept_keys

MANY = 1500


def drawn(seed: int) -> tuple[tuple[int, int, int, int], dict[str, Any]]:
    """Sizes (B, H, Sq, Sk) and options, each option in about one of two calls."""
    r = np.random.default_rng(seed)
    b, h = (int(n) for n in r.integers(1, 3, 2))
    sq, sk = (int(n) for n in r.choice([0, 1, 2, 3, 5, 9, 17], 2))
    options: dict[str, Any] = {
        "causal_alignment": str(r.choice(["top-left", "bottom-right"])),
        "causal": bool(r.random() < 0.4),
    }
    if r.random() < 0.5:
        options["window"] = tuple(None if r.random() < 0.3 else int(n) for n in r.integers(0, 6, 2))
    if r.random() < 0.5:
        options["dilation"] = int(r.integers(1, 5))
    if r.random() < 0.5:
        options["global_tokens"] = int(r.integers(0, 4))
    if r.random() < 0.5:
        size = int(r.choice([1, 2, 4, 16]))
        shape = (b if r.random() < 0.5 else 1, h if r.random() < 0.5 else 1, -(-sq // size), -(-sk // size))
        options |= {"block_size": size, "block_mask": r.random(shape) < 0.5}
    return (b, h, sq, sk), options


def test_masks_and_lists_of_keys_agree() -> None:
    kept = 0
    for seed in range(MANY):
        (b, h, sq, sk), options = drawn(seed)
        mask = np.broadcast_to(pattern(sq, sk, **options), (b, h, sq, sk))
        for entry, head, row in np.ndindex(b, h, sq):
            assert list(np.flatnonzero(mask[entry, head, row])) == kept_keys(row, head, entry, sq, sk, options), (seed, options)
        kept += int(mask.sum())
    assert kept > MANY


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({"window": (1, 0)}, ["#....", "##...", ".##..", "..##."]),
        ({"dilation": 2}, ["#.#.#", ".#.#.", "#.#.#", ".#.#."]),
        ({"dilation": 2, "window": (2, 2)}, ["#.#..", ".#.#.", "#.#.#", ".#.#."]),
        ({"window": (0, 0), "global_tokens": 1}, ["#####", "##...", "#.#..", "#..#."]),
        ({"window": (0, 0), "global_tokens": 2, "causal": True}, ["#....", "##...", "###..", "##.#."]),
        ({"global_tokens": 1}, ["#####"] * 4),
        ({"block_size": 2, "block_mask": [[1, 0, 1], [0, 1, 0]]}, ["##..#", "##..#", "..##.", "..##."]),
        ({"block_size": 3, "block_mask": [[1, 0], [0, 1]], "causal": True}, ["#....", "##...", "###..", "...#."]),
        ({"block_size": 2, "block_mask": [[0, 0, 0], [1, 1, 1]], "window": (1, 1)}, [".....", ".....", ".###.", "..###"]),
    ],
)
def test_patterns_by_hand(options: dict[str, Any], rows: list[str]) -> None:
    if "block_mask" in options:
        options = {**options, "block_mask": np.array(options["block_mask"], bool)[None, None]}
    mask = pattern(4, 5, **options)[0, 0]
    assert ["".join("#" if kept else "." for kept in row) for row in mask] == rows


def test_the_answer_is_attention_under_the_mask_and_minus_infinity_where_nothing_is_kept() -> None:
    r = np.random.default_rng(0)
    q, k, v = (r.standard_normal((1, 2, n, 4)) for n in (3, 5, 5))
    options = {"block_size": 2, "block_mask": np.array([[1, 0, 1], [0, 0, 0]], bool)[None, None], "window": (3, 1)}
    made, due = sparse_attention(q, k, v, **options), attention(q, k, v, mask=pattern(3, 5, **options))
    assert np.array_equal(made.out, due.out) and np.array_equal(made.lse, due.lse)
    assert np.isneginf(made.lse[..., 2]).all() and not made.out[..., 2, :].any()


def test_what_is_dropped_bounds_the_difference_and_two_keys_reach_it() -> None:
    r = np.random.default_rng(1)
    for _ in range(50):
        q, k, v = (r.standard_normal((1, 1, n, 3)) for n in (4, 6, 6))
        near, whole = sparse_attention(q, k, v, window=(2, 1)), attention(q, k, v)
        dropped = -np.expm1(near.lse - whole.lse)[..., None]
        assert np.all(np.abs(whole.out - near.out) <= dropped * np.ptp(v, axis=2, keepdims=True) * (1 + 1e-12))
    q, k, v = np.ones((1, 1, 1, 1)), np.array([2.0, 0.0]).reshape(1, 1, 2, 1), np.array([0.0, 2.0]).reshape(1, 1, 2, 1)
    near, whole = sparse_attention(q, k, v, scale=1.0, window=(0, 0)), attention(q, k, v, scale=1.0)
    assert abs(whole.out - near.out).item() == pytest.approx(0.238406, abs=1e-6)
    assert 2 * -np.expm1(near.lse - whole.lse).item() == pytest.approx(0.238406, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dilation": 0}, "dilation is 0; it must be an integer of at least 1"),
        ({"global_tokens": -1}, "global_tokens is -1"),
        ({"window": (1, -2)}, "window right is -2"),
        ({"dilation": 1.5}, "dilation is 1.5"),
        ({"block_size": 2}, "block_mask is not given; block_mask and block_size come together"),
        ({"block_mask": np.ones((1, 1, 2, 3), bool)}, "block_size is not given"),
        ({"block_mask": np.ones((1, 1, 3, 2), bool), "block_size": 2}, r"must be \(B or 1, Hq or 1, 2, 3\)"),
        ({"block_mask": np.ones((1, 1, 2, 3)), "block_size": 2}, "it must be bool"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pattern(4, 5, **options)


def test_the_best_are_those_of_a_sorted_list_and_ties_go_to_the_first() -> None:
    r = np.random.default_rng(2)
    scores, kept = r.integers(-3, 3, (2, 3, 5, 9)).astype(float), r.random((2, 3, 5, 9)) < 0.6
    for top_k in (1, 3, 20):
        chosen = best(scores, kept, top_k)
        for at in np.ndindex(2, 3, 5):
            keys = sorted((key for key in range(9) if kept[at][key]), key=lambda key: (-scores[at][key], key))
            assert list(np.flatnonzero(chosen[at])) == sorted(keys[:top_k])


def test_top_k_chooses_after_the_pattern() -> None:
    r = np.random.default_rng(3)
    q, k, v = (r.standard_normal((1, 2, n, 4)) for n in (5, 7, 7))
    made = sparse_attention(q, k, v, causal=True, dilation=2, top_k=2)
    allowed = pattern(5, 7, causal=True, dilation=2)
    assert np.array_equal(made.visible, narrowed(q, k, causal=True, dilation=2, top_k=2))
    assert (made.visible <= allowed).all() and np.array_equal(made.visible.sum(-1)[0, 0], np.minimum(allowed.sum(-1)[0, 0], 2))
    with pytest.raises(ValueError, match="top_k is 0"):
        narrowed(q, k, top_k=0)


def test_a_choice_is_clear_where_no_rounding_can_change_it() -> None:
    r = np.random.default_rng(4)
    q, k = (r.standard_normal((1, 1, n, 8)).astype(np.float16) for n in (60, 40))
    chosen = narrowed(q, k, top_k=5)
    clear = clear_choice(q, k, 5, chosen, arithmetic=arithmetic_for("half-naive", "float16"), dtype="float16")[0, 0, :, 0]
    assert 5 < clear.sum() < 60
    rounded = (q.astype(np.float32) @ k.astype(np.float32).swapaxes(-1, -2) * np.float32(8**-0.5)).astype(np.float16)
    again = best(rounded, np.ones_like(chosen), 5)
    assert (again == chosen)[0, 0, clear].all()
    assert clear_choice(q, k, 40, np.ones_like(chosen), arithmetic=arithmetic_for("half", "float16"), dtype="float16").all()


def test_equal_scores_are_no_clear_choice_and_neither_are_scores_that_underflow() -> None:
    q, k = np.ones((1, 1, 1, 2), np.float32), np.ones((1, 1, 3, 2), np.float32)
    how = {"arithmetic": arithmetic_for("fp32", "float32"), "dtype": "float32"}
    assert not clear_choice(q, k, 2, narrowed(q, k, top_k=2), **how).any()
    k[..., 0, :] = 2.0
    assert clear_choice(q, k, 1, narrowed(q, k, top_k=1), **how).all()
    tiny = np.float32(2.0**-130)
    assert not clear_choice(tiny * q, tiny * k, 1, narrowed(tiny * q, tiny * k, top_k=1), **how).any()
