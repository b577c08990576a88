"""Each step can be wrong, and is then seen: the seams on which faults are built are real."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from attnspec.reference.attention import scores, softmax
from attnspec.reference.attention.inputs import descaled
from attnspec.reference.attention.textbook import STEPS, Steps, attention
from attnspec.reference.attention.tiled import TILED_STEPS, TiledSteps, tiled_attention

FAULTS: dict[str, dict[str, Any]] = {
    "mask ignored": {"inputs": lambda given: replace(given, mask=None)},
    "values descaled like keys": {"descale": lambda given: descaled(replace(given, v_descale=given.k_descale))},
    "heads tiled instead of repeated": {"kv_head": lambda hq, hkv: np.arange(hq) % hkv},
    "offset ignores the length": {"offset": lambda alignment, sq, lengths: 0 * lengths + max(lengths) - sq},
    "causal off by one": {"causal": lambda i, j: j <= i + 1},
    "window left short by one": {
        "window": lambda i, j, left, right: STEPS.window(i, j, None if left is None else left - 1, right)
    },
    "mask of the first head for all": {"mask": lambda mask: mask[:, :1]},
    "minus infinity does not hide": {"bias_allows": lambda bias: True, "bias": lambda s, bias: s + np.maximum(bias, -9)},
    "segments ordered": {"segments": lambda query, key: query >= key},
    "last key dropped": {"lengths": lambda j, length: j < length - 1},
    "query scaled by its norm": {"dot": lambda q, k: scores.dot(q / 2, k)},
    "scale from the width of V": {"scale_of": lambda scale, d, dv: dv**-0.5 if scale is None else scale},
    "scale missing": {"scale": lambda s, scale: s},
    "softcap without the factor": {"softcap": lambda s, cap: np.tanh(s / cap)},
    "bias subtracted": {"bias": lambda s, bias: s - np.where(np.isinf(bias), 0, bias)},
    "alibi added": {"alibi": lambda s, slopes, i, j: s + slopes * abs(i - j)},
    "hidden is a large number": {"hide": lambda s, visible: np.where(visible, s, -5.0)},
    "softcap after the mask": {"order": ("scale", "hide", "softcap", "bias", "alibi")},
    "shifted so far that every exp is 0": {"shift": lambda s, sinks: np.full_like(s[..., :1], 800.0)},
    "sink in the numerator": {"numerators": lambda s, shift, sinks: np.exp(s - shift) + np.exp(sinks - shift)},
    "row sum counts hidden keys": {
        "row_sum": lambda n, shift, sinks, visible: (
            softmax.row_sum(n, shift, sinks, visible) + (~visible).sum(-1, keepdims=True) * np.exp(-shift)
        )
    },
    "not normalized": {"normalize": lambda numerators, total: numerators},
    "lse in base 2": {"logsumexp": lambda shift, total: (shift + np.log(total)) / np.log(2)},
    "dropout not inverted": {"dropout": lambda w, keep, p: w * keep},
    "V shifted by one": {"mix": lambda w, v, visible: softmax.mix(w, np.roll(v, 1, -2), visible)},
    "empty rows pass": {"is_empty": lambda total: total < 0},
    "empty rows sum V": {"empty_row": lambda v, convention: v.sum(-2, keepdims=True)},
}

TILED_FAULTS: dict[str, dict[str, Any]] = {
    "last tile not visited": {"visited": lambda start, stop, tile, head: range(start, stop - stop % tile, tile)},
    "tail not masked": {"tail": lambda columns, stop: columns >= 0},
    "maximum of this tile only": {"running_max": lambda old, new: new, "rescale_accumulator": lambda old, new: np.exp(0 * new)},
    "minus infinity from minus infinity": {"odds": lambda scores, top: np.exp(scores - top)},
    "accumulator not rescaled": {"rescale_accumulator": lambda old, new: 1.0},
    "row sum not rescaled": {"rescale_row_sum": lambda old, new: 1.0},
    "sink left out": {"with_sink": lambda parts, sink: parts},
    "each key read twice": {"load": lambda array, columns: array[np.minimum(columns // 2, len(array) - 1)]},
    "splits averaged": {"merge": lambda parts: (sum(p[0] for p in parts) / len(parts), parts[0][1])},
}


def differs(a: Any, b: Any) -> bool:
    return not np.allclose(a, b, rtol=1e-6, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_step_is_seen(draw: Any, name: str) -> None:
    steps = replace(STEPS, **FAULTS[name])
    for seed in range(400):
        (q, k, v), options = draw(seed)
        if k.shape[2] == 0:
            continue
        right, wrong = attention(q, k, v, **options), attention(q, k, v, steps=steps, **options)
        if differs(right.out, wrong.out) or differs(right.lse, wrong.lse):
            return
    pytest.fail(f"no drawn problem tells {name!r} from the definition")


@pytest.mark.parametrize("name", TILED_FAULTS)
def test_a_wrong_tiled_step_is_seen(draw: Any, name: str) -> None:
    steps = replace(TILED_STEPS, **TILED_FAULTS[name])
    for seed in range(200):
        (q, k, v), options = draw(seed)
        right = tiled_attention(q, k, v, tile=4, splits=2, **options)
        wrong = tiled_attention(q, k, v, tile=4, splits=2, steps=steps, **options)
        if differs(right[0], wrong[0]) or differs(right[1], wrong[1]):
            return
    pytest.fail(f"no drawn problem tells {name!r} from the definition")


@pytest.mark.parametrize(("steps", "faults"), [(Steps, FAULTS), (TiledSteps, TILED_FAULTS)])
def test_every_step_has_a_fault_here(steps: Any, faults: dict[str, dict[str, Any]]) -> None:
    assert {f.name for f in fields(steps)} == {step for fault in faults.values() for step in fault}


def test_the_two_definitions_share_no_meaning() -> None:
    import ast
    import inspect

    from attnspec.reference.attention import tiled, tiled_head

    for module in (tiled, tiled_head):
        statements = ast.walk(ast.parse(inspect.getsource(module)))
        imports = [s for s in statements if isinstance(s, ast.ImportFrom) and s.level]
        assert {s.module for s in imports} <= {"arrays", "checks", "dropout", "options", "tiled_head"}
        assert {name.name for s in imports if s.module == "arrays" for name in s.names} <= {"real"}, "how it becomes float64"
