"""Mistakes about sparse patterns: windows, strides, global tokens, and what is done with the keys that are kept.

All are made from the definition: its pattern with one step replaced, or its answer with one thing changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...attention.faults.making import textbook
from ...attention.textbook import attention
from ...faults.making import Answer, Array, Function, fault, tile_size, tiles_down
from ..definition import PATTERN_OPTIONS, SPARSE_OPTIONS, SPARSE_STEPS, best, pattern

__all__ = ["definition", "kept_of", "masked_by", "scores_under", "sparse"]


def definition() -> Function:
    """Sparse attention as it should be."""
    return sparse()


def sparse(masked: Function | None = None, **changed: Any) -> Function:
    """`sparse_attention` with some of `SparseSteps` replaced, and with another attention under the mask that comes out.

    It raises ValueError as that does, and for mixed dtypes.
    """
    attend, steps = masked or textbook(), replace(SPARSE_STEPS, **changed)

    def under_pattern(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return masked_by(attend, q, k, v, kept_of(q, k, options, steps), options)

    return under_pattern


def kept_of(q: Array, k: Array, options: dict[str, Any], steps: Any = SPARSE_STEPS) -> Array:
    """The keys that a pattern keeps, bool (B|1, H|1, Sq, Sk)."""
    given = {name: options[name] for name in (*PATTERN_OPTIONS, "causal_alignment") if name in options}
    return pattern(q.shape[2], k.shape[2], **given, steps=steps)


def masked_by(attend: Function, q: Array, k: Array, v: Array, kept: Array, options: dict[str, Any]) -> Answer:
    """The answer of an attention under a mask, of which top_k leaves the best."""
    given = {name: options[name] for name in ("scale", "empty_rows") if name in options}
    if options.get("top_k") is not None:
        kept = best(scores_under(q, k, kept, options), kept, options["top_k"])
    return attend(q, k, v, mask=kept, **given)


def scores_under(q: Array, k: Array, kept: Array | None, options: dict[str, Any]) -> Array:
    """The scores of the keys that a mask keeps, float64 (B, Hq, Sq, Sk), −inf elsewhere."""
    return attention(q, k, k, scale=options.get("scale"), mask=kept).scores


# Windows, strides and global tokens


@fault("sparse-window-left-short")
def _sparse_window_left_short() -> Function:
    return sparse(window=lambda i, j, left, right: SPARSE_STEPS.window(i, j, None if left is None else left - 1, right))


@fault("sparse-window-left-long")
def _sparse_window_left_long() -> Function:
    return sparse(window=lambda i, j, left, right: SPARSE_STEPS.window(i, j, None if left is None else left + 1, right))


@fault("sparse-window-right-ignored")
def _sparse_window_right_ignored() -> Function:
    return sparse(window=lambda i, j, left, right: SPARSE_STEPS.window(i, j, left, None))


@fault("sparse-long-window-switches-causal-off")
def _sparse_long_window_switches_causal_off() -> Function:
    right = definition()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        left = (options.get("window") or (None, None))[0]
        long = left is not None and left >= k.shape[2]
        return right(q, k, v, **{**options, **({"causal": False, "window": None} if long else {})})

    return attend


@fault("window-counts-visited-blocks")
def _window_counts_visited_blocks() -> Function:
    def window(i: Array, j: Array, left: int | None, right: int | None) -> Array:
        row = i - i[:, :, :1]
        first = i - row % tile_size()
        skipped = 0 if left is None else tiles_down(np.maximum(first - left, 0))
        return np.asarray(SPARSE_STEPS.window(i, j - skipped, left, right) & (j >= skipped))

    return sparse(window=window)


@fault("window-in-strides")
def _window_in_strides() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        step = options.get("dilation") or 1

        def window(i: Array, j: Array, left: int | None, right: int | None) -> Array:
            seen: Array = SPARSE_STEPS.window(i, j, *(None if side is None else side * step for side in (left, right)))
            return seen

        return sparse(window=window)(q, k, v, **options)

    return attend


@fault("window-or-blocks")
def _window_or_blocks() -> Function:
    right = definition()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        local = any(options.get(name) is not None for name in ("window", "dilation"))
        return (sparse(joined=np.logical_or) if local else right)(q, k, v, **options)

    return attend


@fault("dilation-one-too-long")
def _dilation_one_too_long() -> Function:
    return sparse(dilated=lambda i, j, dilation: SPARSE_STEPS.dilated(i, j, dilation + 1))


@fault("dilation-from-first-key")
def _dilation_from_first_key() -> Function:
    return sparse(dilated=lambda i, j, dilation: j % dilation == 0)


@fault("dilation-of-past-only")
def _dilation_of_past_only() -> Function:
    return sparse(dilated=lambda i, j, dilation: SPARSE_STEPS.dilated(i, j, dilation) | (j > i))


@fault("global-tokens-lost")
def _global_tokens_lost() -> Function:
    return sparse(global_row=_nobody, global_key=_nobody)


@fault("global-tokens-only-seen")
def _global_tokens_only_seen() -> Function:
    return sparse(global_row=_nobody)


@fault("global-tokens-only-see")
def _global_tokens_only_see() -> Function:
    return sparse(global_key=_nobody)


@fault("global-tokens-one-too-many")
def _global_tokens_one_too_many() -> Function:
    return sparse(global_key=lambda position, count: SPARSE_STEPS.global_key(position, count + 1))


@fault("global-keys-ignore-causality")
def _global_keys_ignore_causality() -> Function:
    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        count = options.get("global_tokens") or 0

        def causal(i: Array, j: Array) -> Array:
            return np.asarray(SPARSE_STEPS.causal(i, j) | (SPARSE_STEPS.global_key(j, count) & (i > 0)))

        return sparse(causal=causal)(q, k, v, **options)

    return attend


@fault("global-tokens-switch-causal-off")
def _global_tokens_switch_causal_off() -> Function:
    right = definition()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        return right(q, k, v, **{**options, **({"causal": False} if options.get("global_tokens") else {})})

    return attend


@fault("global-tokens-alone-restrict")
def _global_tokens_alone_restrict() -> Function:
    right = definition()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        alone = options.get("global_tokens") is not None and options.get("window") is None and options.get("dilation") is None
        return right(q, k, v, **{**options, **({"window": (0, 0)} if alone else {})})

    return attend


def _nobody(position: Array, count: int) -> Array:
    return np.zeros_like(position, dtype=bool)


# What is done with the keys that are kept


@fault("sparse-lse-of-all-keys")
def _sparse_lse_of_all_keys() -> Function:
    right = definition()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        full = right(q, k, v, **{name: x for name, x in options.items() if name not in SPARSE_OPTIONS})
        return right(q, k, v, **options)._replace(lse=full.lse)

    return attend


@fault("sparse-row-sum-of-all-keys")
def _sparse_row_sum_of_all_keys() -> Function:
    right = definition()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        full = right(q, k, v, **{name: x for name, x in options.items() if name not in SPARSE_OPTIONS})
        made = right(q, k, v, **options)
        share = np.where(np.isneginf(made.lse), 1.0, np.exp(made.lse - full.lse))
        return made._replace(out=made.out * share[..., None], lse=full.lse)

    return attend


@fault("sparse-hidden-nan-leaks")
def _sparse_hidden_nan_leaks() -> Function:
    return sparse(textbook(mix=lambda weights, v, visible: weights @ v))


@fault("sparse-wrong-corner")
def _sparse_wrong_corner() -> Function:
    other = {"top-left": "bottom-right", "bottom-right": "top-left"}
    right = definition()

    def attend(q: Array, k: Array, v: Array, **options: Any) -> Answer:
        turned = other[options.get("causal_alignment", "top-left")]
        return right(q, k, v, **{**options, "causal_alignment": turned})

    return attend
