"""Arguments without a meaning are refused, by both definitions, in words that name the argument."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attnspec.reference.attention.textbook import attention
from attnspec.reference.attention.tiled import tiled_attention

B, HQ, HKV, SQ, SK, D, DV = 2, 4, 2, 3, 5, 6, 7
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"q": np.zeros((HQ, SQ, D))}, "q has shape"),
    ({"k": np.zeros((B, 1, HKV, SK, D))}, "k has shape"),
    ({"v": np.zeros((SK, DV))}, "v has shape"),
    ({"k": np.zeros((1, HKV, SK, D))}, "k has batch size 1"),
    ({"v": np.zeros((B + 1, HKV, SK, DV))}, "v has batch size 3"),
    ({"k": np.zeros((B, HKV, SK, D + 1))}, "k has 7 features"),
    ({"v": np.zeros((B, HKV, SK + 1, DV))}, "v has"),
    ({"v": np.zeros((B, 1, SK, DV))}, "v has"),
    ({"q": np.zeros((B, 3, SQ, D))}, "q has 3 heads"),
    ({"q": np.zeros((B, HQ, SQ, D), np.complex128)}, "q has dtype complex128"),
    ({"k": np.zeros((B, HKV, SK, D), bool)}, "k has dtype bool"),
    ({"mask": np.ones((SQ, SK))}, "mask has dtype float64"),
    ({"mask": np.ones((SQ, SK + 1), bool)}, "mask has shape"),
    ({"mask": np.ones((1, B, HQ, SQ, SK), bool)}, "mask has shape"),
    ({"bias": np.ones((HKV, SQ, SK))}, "bias has shape"),
    ({"bias": np.ones((SQ, SK), bool)}, "bias has dtype bool"),
    ({"dropout_keep": np.ones((SQ, SK), int)}, "dropout_keep has dtype"),
    ({"alibi_slopes": np.ones(HKV)}, "alibi_slopes has shape"),
    ({"sinks": np.ones((B, HQ))}, "sinks has shape"),
    ({"q_segments": np.zeros((B, SQ), int)}, "kv_segments is not given"),
    ({"kv_segments": np.zeros((B, SK), int)}, "q_segments is not given"),
    ({"q_segments": np.zeros((B, SK), int), "kv_segments": np.zeros((B, SK), int)}, "q_segments has shape"),
    ({"q_segments": np.zeros((B, SQ)), "kv_segments": np.zeros((B, SK), int)}, "q_segments has dtype"),
    ({"q_descale": np.ones((B, HQ))}, "q_descale has shape"),
    ({"k_descale": np.ones(HKV)}, "k_descale has shape"),
    ({"v_descale": np.ones((B, HKV), bool)}, "v_descale has dtype bool"),
    ({"k_descale": np.zeros((B, HKV))}, "k_descale is .* must be positive and finite"),
    ({"v_descale": np.full((B, HKV), np.inf)}, "v_descale is .* must be positive and finite"),
    ({"kv_lengths": [SK]}, "kv_lengths has shape"),
    ({"kv_lengths": [0, SK + 1]}, "kv_lengths is"),
    ({"kv_lengths": [-1, SK]}, "kv_lengths is"),
    ({"kv_lengths": [1.0, 2.0]}, "kv_lengths has dtype"),
    ({"dropout_p": 1.0}, "dropout_p is 1.0"),
    ({"dropout_p": -0.1}, "dropout_p is -0.1"),
    ({"dropout_p": float("nan")}, "dropout_p is nan"),
    ({"causal_alignment": "center"}, "causal_alignment is 'center'"),
    ({"empty_rows": "skip"}, "empty_rows is 'skip'"),
    ({"softcap": 0.0}, "softcap is 0.0"),
    ({"softcap": float("nan")}, "softcap is nan"),
    ({"window": (-1, 0)}, "window left is -1"),
    ({"window": (0, -1)}, "window right is -1"),
    ({"window": (0, 1.5)}, "window right is 1.5"),
    ({"window": (1, 2, 3)}, "window is"),
    ({"rows": [SQ]}, "rows must be"),
    ({"rows": [-1]}, "rows must be"),
    ({"rows": [0.5]}, "rows must be"),
    ({"q": np.zeros((B, HQ, SQ, 0)), "k": np.zeros((B, HKV, SK, 0))}, "scale must be given"),
]


def arguments() -> dict[str, Any]:
    return {"q": np.zeros((B, HQ, SQ, D)), "k": np.zeros((B, HKV, SK, D)), "v": np.zeros((B, HKV, SK, DV))}


@pytest.mark.parametrize("of", [attention, tiled_attention])
@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=[message for _, message in WRONG])
def test_refused_by_name(of: Any, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        of(**{**arguments(), **wrong})


@pytest.mark.parametrize("wrong", [{"tile": 0}, {"splits": 0}])
def test_tiles_and_splits_are_at_least_one(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is 0"):
        tiled_attention(**arguments(), **wrong)


@pytest.mark.parametrize("of", [attention, tiled_attention])
def test_the_same_arguments_without_the_mistake_are_accepted(of: Any) -> None:
    of(
        **arguments(),
        mask=np.ones((SQ, SK), bool),
        v_descale=np.ones((B, HKV)),
        kv_lengths=[0, SK],
        window=(0, None),
        dropout_p=0.5,
        rows=[2, 0],
    )
