"""The two definitions agree with each other, over all options, tiles and splits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.reference.attention.textbook import attention
from attnspec.reference.attention.tiled import tiled_attention

pytestmark = pytest.mark.long

CLOSE = 1e-12
"""Both definitions are float64 on values of a few units; this is a test of them, not of an implementation."""


@pytest.mark.parametrize("block", [*range(4), *(pytest.param(n, marks=pytest.mark.study) for n in range(4, 8))])
def test_textbook_and_tiled_agree(draw: Any, block: int) -> None:
    for seed in range(block * 60, block * 60 + 60):
        (q, k, v), options = draw(seed)
        expected = attention(q, k, v, **options)
        for tile, splits in ((1, 1), (8, 1), (5, 3), (64, 2)):
            out, lse = tiled_attention(q, k, v, tile=tile, splits=splits, **options)
            np.testing.assert_allclose(out, expected.out, rtol=CLOSE, atol=CLOSE * 10, err_msg=f"seed {seed} {options}")
            np.testing.assert_allclose(lse, expected.lse, rtol=CLOSE, atol=CLOSE * 10, err_msg=f"seed {seed} {options}")


def test_the_draws_cover_every_option_convention_and_an_empty_row_of_each(draw: Any) -> None:
    seen, empty = set(), set()
    for seed in range(480):
        (q, k, v), options = draw(seed)
        seen |= {name for name, value in options.items() if value is not False}
        if np.isneginf(attention(q, k, v, **options).lse).any():
            empty.add((options["causal_alignment"], options["empty_rows"]))
    assert seen == {
        "scale", "causal", "window", "mask", "bias", "alibi_slopes", "softcap", "sinks", "q_segments", "kv_segments",
        "kv_lengths", "q_descale", "k_descale", "v_descale", "dropout_p", "seed", "causal_alignment", "empty_rows",
    }  # fmt: skip
    assert len(empty) == 6


@pytest.mark.parametrize("of", [attention, tiled_attention])
def test_chosen_rows_are_a_slice_of_all_rows(draw: Any, of: Any) -> None:
    for seed in range(120):
        (q, k, v), options = draw(seed)
        rows = np.random.default_rng(seed).permutation(q.shape[2])[:3].tolist()
        whole, some = of(q, k, v, **options), of(q, k, v, rows=rows, **options)
        if not isinstance(whole, tuple):
            whole, some = vars(whole).values(), vars(some).values()
        for all_rows, chosen in zip(whole, some, strict=True):
            np.testing.assert_allclose(chosen, all_rows[:, :, rows], rtol=CLOSE, atol=CLOSE, err_msg=f"seed {seed}")


def test_weights_scores_and_lse_belong_together(draw: Any) -> None:
    for seed in range(120):
        (q, k, v), options = draw(seed)
        a = attention(q, k, v, **options)
        assert (a.weights[~a.visible] == 0).all()
        assert np.isneginf(a.scores[~a.visible]).all()
        assert np.isfinite(a.scores[a.visible]).all()
        attended = np.isfinite(a.lse)
        expected = np.exp(a.scores[attended] - a.lse[attended][..., None])
        np.testing.assert_allclose(a.weights[attended], expected, rtol=1e-11)
        if "sinks" not in options:
            np.testing.assert_allclose(a.weights.sum(-1), a.visible.any(-1), rtol=CLOSE)
