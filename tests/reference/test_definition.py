"""Both definitions against the definition itself, written out for one element at a time in 40 digits."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from attnspec.reference.attention.dropout import keep_mask
from attnspec.reference.attention.textbook import attention
from attnspec.reference.attention.tiled import tiled_attention

pytestmark = pytest.mark.long


def visible(o: dict[str, Any], b: int, h: int, i: int, j: int, shape: tuple[int, ...]) -> bool:
    """Whether query i of head h in batch entry b sees key j."""
    position = i + offset(o, b, shape)
    if "kv_lengths" in o and j >= o["kv_lengths"][b]:
        return False
    if o["causal"] and j > position:
        return False
    if "window" in o:
        left, right = o["window"]
        if left is not None and position - j > left:
            return False
        if right is not None and j - position > right:
            return False
    if "mask" in o and not np.broadcast_to(o["mask"], shape)[b, h, i, j]:
        return False
    if "bias" in o and np.broadcast_to(o["bias"], shape)[b, h, i, j] == -np.inf:
        return False
    return not ("q_segments" in o and o["q_segments"][b, i] != o["kv_segments"][b, j])


def offset(o: dict[str, Any], b: int, shape: tuple[int, ...]) -> int:
    if o["causal_alignment"] == "top-left":
        return 0
    return int(o["kv_lengths"][b] if "kv_lengths" in o else shape[3]) - shape[2]


def factor(o: dict[str, Any], name: str, b: int, g: int) -> Any:
    """A descale of key head g in batch entry b."""
    return mpf(float(o[name][b, g])) if name in o else mpf(1)


def score(q: Any, k: Any, o: dict[str, Any], b: int, h: int, i: int, j: int, shape: tuple[int, ...]) -> Any:
    """The score of a visible key."""
    g = h // (q.shape[1] // k.shape[1])
    s = mpmath.fsum(mpf(float(x)) * mpf(float(y)) for x, y in zip(q[b, h, i], k[b, g, j], strict=True))
    s *= factor(o, "q_descale", b, g) * factor(o, "k_descale", b, g)
    s *= mpf(o["scale"]) if "scale" in o else 1 / mpmath.sqrt(q.shape[3])
    if "softcap" in o:
        s = mpf(o["softcap"]) * mpmath.tanh(s / mpf(o["softcap"]))
    if "bias" in o:
        s += mpf(float(np.broadcast_to(o["bias"], shape)[b, h, i, j]))
    if "alibi_slopes" in o:
        s -= mpf(float(o["alibi_slopes"][h])) * abs(i + offset(o, b, shape) - j)
    return s


def element(qkv: tuple[Any, Any, Any], o: dict[str, Any], b: int, h: int, i: int, keep: Any) -> tuple[list[Any], Any]:
    """(out row, lse) of query i of head h in batch entry b."""
    q, k, v = qkv
    shape = (*q.shape[:3], k.shape[2])
    g = h // (q.shape[1] // k.shape[1])
    values = v[b, g].astype(np.float64) * float(factor(o, "v_descale", b, g))
    scores = {j: score(q, k, o, b, h, i, j, shape) for j in range(shape[3]) if visible(o, b, h, i, j, shape)}
    total = mpmath.fsum(mpmath.exp(s) for s in scores.values())
    if "sinks" in o:
        total += mpmath.exp(mpf(float(o["sinks"][h])))
    if total == 0:
        row = {"zeros": [0.0] * v.shape[3], "nan": [np.nan] * v.shape[3], "mean": list(values.mean(0))}[o["empty_rows"]]
        return row, -mpmath.inf
    stays = {j: keep[b, h, i, j] / (1 - mpf(o.get("dropout_p", 0.0))) for j in scores}
    row = [mpmath.fsum(stays[j] * mpmath.exp(s) / total * mpf(x[j]) for j, s in scores.items()) for x in values.T]
    return row, mpmath.log(total)


@pytest.mark.parametrize("block", range(4))
def test_both_definitions_give_what_the_definition_says(draw: Any, block: int) -> None:
    with mpmath.workdps(40):
        for seed in range(block * 40, block * 40 + 40):
            (q, k, v), options = draw(seed, tiny=True)
            shape = (*q.shape[:3], k.shape[2])
            keep = keep_mask(options["seed"], options["dropout_p"], shape) if "seed" in options else np.ones(shape, bool)
            attended = attention(q, k, v, **options)
            tiled_out, tiled_lse = tiled_attention(q, k, v, tile=2, splits=2, **options)
            for b, h, i in np.ndindex(*shape[:3]):
                row, lse = element((q, k, v), options, b, h, i, keep.astype(int))
                place = f"seed {seed}, entry {b}, head {h}, query {i}, {options}"
                for out in (attended.out, tiled_out):
                    expected = np.array([float(x) for x in row])
                    np.testing.assert_allclose(out[b, h, i], expected, rtol=1e-12, atol=1e-12, err_msg=place)
                for of in (attended.lse, tiled_lse):
                    np.testing.assert_allclose(of[b, h, i], float(lse), rtol=1e-12, atol=1e-12, err_msg=place)
