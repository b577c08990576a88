"""Signatures that everybody knows, so that a function which has one of them needs no adapter.

A preset says in which layout the function takes its arrays, under which names it takes the options of the spec, and where
its causality starts. It claims what the function's own parameters show, or where they cannot be read what the library
documents.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..spec.nearest import nearest
from .preset_calls import CALLS
from .signature import ContractError

__all__ = ["PRESETS", "Preset", "preset_named", "preset_of"]


@dataclass(frozen=True)
class Preset:
    """One well-known signature.

    parameters: option of the spec → the parameter that carries it. arrays, layout, dtypes: how arrays are taken; without
    dtypes the usual ones of the arrays. conventions: what the library documents. source: where it does.
    apart: options that it does not take together.
    """

    name: str
    arrays: str
    layout: str
    parameters: Mapping[str, str]
    source: str
    dtypes: tuple[str, ...] | None = None
    conventions: Mapping[str, str] = field(default_factory=dict)
    apart: tuple[frozenset[str], ...] = ()

    @property
    def pairs(self) -> dict[frozenset[str], str]:
        """Options that are not given together, with where that is said."""
        return dict.fromkeys(self.apart, f"the documentation of {self.name} allows one or the other")


TOP_LEFT, BOTTOM_RIGHT = {"causal_alignment": "top-left"}, {"causal_alignment": "bottom-right"}

MASK_OR_CAUSAL = (frozenset(("causal", "mask")), frozenset(("causal", "bias")))

PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "sdpa",
            "torch",
            "bhsd",
            {"scale": "scale", "causal": "is_causal", "mask": "attn_mask", "bias": "attn_mask"},
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html",
            conventions=TOP_LEFT,
            apart=MASK_OR_CAUSAL,
        ),
        Preset(
            "flash_attn",
            "torch",
            "bshd",
            {
                "scale": "softmax_scale",
                "causal": "causal",
                "window": "window_size",
                "softcap": "softcap",
                "alibi_slopes": "alibi_slopes",
                "return_lse": "return_attn_probs",
            },
            "https://github.com/Dao-AILab/flash-attention#how-to-use-flashattention",
            dtypes=("float16", "bfloat16"),
            conventions={**BOTTOM_RIGHT, "empty_rows": "zeros"},
        ),
        Preset(
            "xformers",
            "torch",
            "bshd",
            {"scale": "scale", "mask": "attn_bias", "bias": "attn_bias"},
            "https://facebookresearch.github.io/xformers/components/ops.html",
        ),
        Preset(
            "jax",
            "jax",
            "bshd",
            {
                "scale": "scale",
                "causal": "is_causal",
                "window": "local_window_size",
                "mask": "mask",
                "bias": "bias",
                "kv_lengths": "key_value_seq_lengths",
            },
            "https://docs.jax.dev/en/latest/_autosummary/jax.nn.dot_product_attention.html",
            conventions=TOP_LEFT,
        ),
        Preset(
            "keras",
            "numpy",
            "bshd",
            {"scale": "scale", "causal": "is_causal", "mask": "mask", "bias": "bias"},
            "https://keras.io/api/ops/nn/#dotproductattention-function",
            conventions=TOP_LEFT,
        ),
        Preset(
            "mlx",
            "numpy",
            "bhsd",
            {"scale": "scale", "causal": "mask", "mask": "mask", "bias": "mask", "sinks": "sinks"},
            "https://ml-explore.github.io/mlx/build/html/python/_autosummary/mlx.core.fast.scaled_dot_product_attention.html",
            dtypes=("float32", "float16"),
            conventions=BOTTOM_RIGHT,
            apart=(*MASK_OR_CAUSAL, frozenset(("mask", "bias"))),  # one array that hides or adds, and they hide differently
        ),
        Preset(
            "onnx",
            "numpy",
            "bhsd",
            {"scale": "scale", "causal": "is_causal", "mask": "attn_mask", "bias": "attn_mask", "softcap": "softcap"},
            "https://onnx.ai/onnx/operators/onnx__Attention.html",
            conventions=TOP_LEFT,
        ),
    )
}
"""The presets by name."""


def preset_named(called: str, name: str) -> Preset:
    """Raises ContractError for an unknown name, which gives the known ones."""
    if name not in PRESETS:
        raise ContractError(f"{called}: unknown signature {name!r}{nearest(name, PRESETS)}; known: {', '.join(PRESETS)}")
    return PRESETS[name]


def preset_of(function: Callable[..., Any], preset: Preset) -> Callable[..., Any]:
    """The function as the contract calls it: function(q, k, v, *, options), with the options that its parameters carry.

    The result knows the function as `__wrapped__`.
    """
    own = _parameters(function)
    options = [option for option, parameter in preset.parameters.items() if own is None or parameter in own]
    call = CALLS[preset.name]

    def called(q: Any, k: Any, v: Any, **given: Any) -> Any:
        return call(function, own, q, k, v, **given)

    keyword, positional = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    by_position = [inspect.Parameter(name, positional) for name in ("q", "k", "v")]
    by_name = [inspect.Parameter(name, keyword, default=False if name in FLAGS else None) for name in options]
    called.__signature__ = inspect.Signature([*by_position, *by_name])  # type: ignore[attr-defined]
    called.__name__ = str(getattr(function, "__name__", type(function).__name__))
    called.__module__ = str(getattr(function, "__module__", "") or "")
    called.__wrapped__ = function  # type: ignore[attr-defined]
    return called


FLAGS = ("causal", "return_lse")
"""Options that are on or off."""


def _parameters(function: Callable[..., Any]) -> frozenset[str] | None:
    """Names of the parameters of a function; None where they cannot be read, or where it takes any keyword."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return None if any(p.kind is p.VAR_KEYWORD for p in parameters) else frozenset(p.name for p in parameters)
