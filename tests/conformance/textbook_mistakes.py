"""Mistakes that people make in a textbook kernel, and the signatures on which each can show.

The signature is what is tested, so `kernel` gives the textbook kernel, or a mistake in it, with each.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .textbook_kernel import DEFAULTS, Textbook

__all__ = ["MISTAKES", "SIGNATURES", "Mistake", "kernel", "shown"]

SIGNATURES: dict[str, tuple[str, ...]] = {
    "bare": (),
    "scale": ("scale",),
    "causal": ("causal",),
    "causal-scale": ("causal", "scale"),
    "mask": ("mask",),
    "causal-window": ("causal", "window"),
    "all": tuple(DEFAULTS),
}
"""The options of a signature, by the name that tests give it."""


@dataclass(frozen=True)
class Mistake:
    """One mistake. shows: sets of options, one of which a signature must hold. causes: faults that are a right name for it.

    must: whether a law that it breaks is a must-law.
    """

    name: str
    steps: dict[str, Callable[..., Any]]
    causes: tuple[str, ...]
    shows: tuple[frozenset[str], ...] = (frozenset(),)
    must: bool = True

    def shows_on(self, options: tuple[str, ...]) -> bool:
        """Whether it can show in a kernel of some options."""
        return any(needed <= set(options) for needed in self.shows)


MISTAKES: dict[str, Mistake] = {}
"""The mistakes by name."""

HIDING = ("causal", "mask", "window")
TILE = 16


def mistake(name: str, causes: str, *shows: str, must: bool = True, **steps: Callable[..., Any]) -> None:
    """Add one. causes: faults, by blanks. shows: options, joined by + where several are needed; none for every signature."""
    sets = tuple(frozenset(one.split("+")) for one in shows) or (frozenset(),)
    MISTAKES[name] = Mistake(name, steps, tuple(causes.split()), sets, must)


BASE = Textbook()

# Softmax

mistake("no max subtraction", "no-maximum-subtraction", maximum=lambda self, s: np.zeros_like(s[..., :1]))
mistake(
    "no max subtraction, NaN where all underflow",
    "no-maximum-subtraction no-maximum-subtraction-gives-nan",
    maximum=lambda self, s: np.zeros_like(s[..., :1]),
    empty=lambda self, out, total: out,
)
mistake("weights not normalised", "weights-unnormalised", normalised=lambda self, w, total: w)
mistake("exp2 for exp", "base-two-exp", exp=lambda self, x: np.exp2(x))
mistake("softmax plus one", "softmax-one", total=lambda self, w, s, m, visible: w.sum(-1, keepdims=True) + np.exp(-m))
mistake("mean for softmax", "weights-uniform", exp=lambda self, x: np.where(x > -np.inf, np.float32(1), np.float32(0)))
mistake(
    "softmax over queries",
    "softmax-over-queries",
    maximum=lambda self, s: np.nan_to_num(s.max(-2, keepdims=True, initial=-np.inf), neginf=0.0),
    total=lambda self, w, s, m, visible: w.sum(-2, keepdims=True),
    empty=lambda self, out, total: np.nan_to_num(out, nan=0.0),
    lse=lambda self, m, total: np.zeros((*total.shape[:2], 1, 1), np.float32),
)
mistake("lse to base two", "lse-base-two", "return_lse", lse=lambda self, m, total: (m + np.log(total)) / np.float32(np.log(2)))
mistake(
    "row sum of hidden keys",
    "row-sum-includes-hidden mask-after-softmax",
    *HIDING,
    total=lambda self, w, s, m, visible: (w + np.where(visible, np.float32(0), np.exp(-m))).sum(-1, keepdims=True),
)
mistake(
    "mask after softmax",
    "mask-after-softmax",
    *HIDING,
    hidden=lambda self, s, visible: s,
    mixed=lambda self, w, v, visible: np.where(visible, w, np.float32(0)) @ v,
)

# Scale

mistake("scale missing", "scale-missing scale-default-missing", scale=lambda self, s, d, dv: 1.0 if s is None else s)
mistake("scale never used", "scale-missing scale-default-missing", scale=lambda self, s, d, dv: 1.0)
mistake("scale twice", "scale-twice scale-by-features", scale=lambda self, s, d, dv: BASE.scale(s, d, dv) ** 2)
mistake("scale by D", "scale-by-features scale-twice", scale=lambda self, s, d, dv: 1 / d if s is None else s)
mistake("scale of Dv", "scale-from-value-features", scale=lambda self, s, d, dv: dv**-0.5 if s is None else s)
mistake("scale ignored", "scale-ignored", "scale", scale=lambda self, s, d, dv: d**-0.5)
mistake("scale or default", "scale-zero-means-default", "scale", scale=lambda self, s, d, dv: s or d**-0.5)

# Heads and batch

mistake("heads permuted", "heads-reversed", output=lambda self, out: out[:, ::-1])
mistake("batch reversed", "entries-reversed", output=lambda self, out: out[::-1])
mistake(
    "grouped heads tiled",
    "grouped-heads-tiled",
    repeated=lambda self, x, heads: np.tile(x, (1, heads // x.shape[1], 1, 1)),
)
mistake(
    "first key head",
    "first-key-head-for-all",
    repeated=lambda self, x, heads: np.repeat(x[:, :1], heads, axis=1),
)
mistake(
    "batch of the first",
    "first-entry-for-all",
    inputs=lambda self, q, k, v: (q, *(np.broadcast_to(x[:1], x.shape) for x in BASE.inputs(q, k, v)[1:])),
)

# Values and keys

mistake(
    "values transposed",
    "values-read-by-column",
    inputs=lambda self, q, k, v: (*BASE.inputs(q, k, v)[:2], v.swapaxes(-1, -2).reshape(v.shape)),
)
mistake(
    "keys for values",
    "keys-mixed-for-values",
    inputs=lambda self, q, k, v: (*BASE.inputs(q, k, v)[:2], k if k.shape == v.shape else v),
)
mistake("values of the key before", "value-rows-shifted", mixed=lambda self, w, v, visible: w @ np.roll(v, 1, axis=-2))
mistake(
    "last key dropped",
    "last-key-dropped",
    visible=lambda self, sq, sk, given: BASE.visible(sq, sk, given) & (np.arange(sk) < sk - 1),
)
mistake(
    "last tile skipped",
    "tail-keys-dropped",
    visible=lambda self, sq, sk, given: BASE.visible(sq, sk, given) & (np.arange(sk) < sk // TILE * TILE),
)


def _twice(self: Any, scores: Any, visible: Any) -> Any:
    """The last tile of keys once more: log 2 on its scores."""
    keys = scores.shape[-1]
    last = np.arange(keys) >= (keys - 1) // TILE * TILE
    return BASE.hidden(scores + np.where(last, np.float32(np.log(2)), np.float32(0)), visible)


def _padded(self: Any, scores: Any, visible: Any, v: Any) -> Any:
    """Zeros up to whole tiles of keys, which are seen."""
    room = [(0, 0)] * 3 + [(0, -scores.shape[-1] % TILE)]
    v = np.pad(v, [(0, 0), (0, 0), room[3], (0, 0)])
    return Textbook.softmax(self, np.pad(scores, room), np.pad(visible, room, constant_values=True), v)


mistake("last tile repeated", "tile-visited-twice", hidden=_twice)
mistake("last tile leaks", "tail-keys-leak", softmax=_padded)

# Hidden keys

mistake(
    "-1e4 added",
    "hidden-scores-lowered mask-as-small-penalty",
    *HIDING,
    hidden=lambda self, s, visible: s + np.where(visible, np.float32(0), np.float32(-1e4)),
)
mistake(
    "-65504 added",
    "hidden-scores-lowered-by-65504 hidden-scores-lowered",
    *HIDING,
    hidden=lambda self, s, visible: s + np.where(visible, np.float32(0), np.float32(-65504)),
)
mistake("causal ignored", "causal-ignored", "causal", causal=lambda self, i, j, sq, sk: True)
mistake("causal one key too many", "causal-off-by-one", "causal", causal=lambda self, i, j, sq, sk: j <= i + 1)
mistake("causal one key too few", "causal-hides-diagonal", "causal", causal=lambda self, i, j, sq, sk: j < i)
mistake("causal from the other corner", "causal-wrong-corner", "causal", causal=lambda self, i, j, sq, sk: j <= i + sk - sq)
mistake("last query unmasked", "last-query-unmasked", "causal", causal=lambda self, i, j, sq, sk: (j <= i) | (i == sq - 1))
mistake(
    "NaN in empty rows",
    "empty-rows-give-nan",
    "mask",
    "causal+window",
    empty=lambda self, out, total: np.where(total == 0, np.float32(np.nan), out),
)
mistake("mask inverted", "mask-inverted", "mask", mask=lambda self, mask: ~mask)
mistake("mask ignored", "mask-ignored", "mask", mask=lambda self, mask: np.ones_like(mask))
mistake("mask transposed", "mask-transposed", "mask", mask=lambda self, mask: np.swapaxes(mask, -1, -2).reshape(mask.shape))
mistake("mask of the first head", "mask-of-first-head", "mask", mask=lambda self, mask: mask[:, :1] if mask.ndim == 4 else mask)
mistake("window ignored", "window-ignored", "window", window=lambda self, i, j, left, right: True)


def _window(left_by: int, right_by: int) -> Callable[..., Any]:
    def window(self: Any, i: Any, j: Any, left: int | None, right: int | None) -> Any:
        return BASE.window(i, j, None if left is None else left + left_by, None if right is None else right + right_by)

    return window


mistake("window one key too few", "window-left-short", "window", window=_window(-1, 0))
mistake("window one key too many", "window-left-long", "window", window=_window(1, 0))
mistake("window ends one key late", "window-right-long", "window", window=_window(0, 1))
mistake("window ends one key early", "window-right-short", "window", window=_window(0, -1))
mistake(
    "window one key too few, and NaN",
    "window-left-short-gives-nan",
    "window",
    window=_window(-1, 0),
    empty=lambda self, out, total: np.where(total == 0, np.float32(np.nan), out),
)

# Scores


def _bias_first(self: Any, q: Any, k: Any, scale: float, given: dict[str, Any]) -> Any:
    """The bias before the scale."""
    bias = given["bias"]
    added = 0 if bias is None else np.asarray(bias, np.float32)
    return BASE.scores(q, k, scale, {**given, "bias": None}) + added * np.float32(scale)


mistake("bias before scale", "bias-before-scale", "bias", scores=_bias_first)
mistake(
    "bias ignored",
    "bias-ignored",
    "bias",
    scores=lambda self, q, k, scale, given: BASE.scores(q, k, scale, {**given, "bias": None}),
)
mistake(
    "softcap ignored",
    "softcap-ignored",
    "softcap",
    scores=lambda self, q, k, scale, given: BASE.scores(q, k, scale, {**given, "softcap": None}),
)
mistake(
    "scores in float16",
    "scores-in-float16 scores-overflow-in-float16",
    dot=lambda self, q, k: BASE.dot(q, k).astype(np.float16).astype(np.float32),
)
mistake("NaN to zero", "nan-becomes-zero", must=False, output=lambda self, out: np.nan_to_num(out, nan=0.0))


def kernel(options: tuple[str, ...], name: str | None = None, *, grouped: bool = True) -> Any:
    """The textbook kernel, or one of its mistakes, as a function of q, k, v and some options.

    grouped: whether key heads are repeated for query heads. Otherwise NumPy raises where there are fewer, but more than one.
    """
    steps = {} if name is None else dict(MISTAKES[name].steps)
    steps |= {} if grouped else {"repeated": lambda self, x, heads: x}
    made = type("Mistaken", (Textbook,), steps)()

    def attend(q: Any, k: Any, v: Any, **given: Any) -> Any:
        return made(q, k, v, **given)

    three = [inspect.Parameter(x, inspect.Parameter.POSITIONAL_OR_KEYWORD) for x in "qkv"]
    keywords = [inspect.Parameter(x, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS[x]) for x in options]
    attend.__signature__ = inspect.Signature([*three, *keywords])  # type: ignore[attr-defined]
    attend.__name__ = attend.__qualname__ = "textbook" if name is None else name
    return attend


def shown() -> Iterator[tuple[str, str]]:
    """(signature, mistake) wherever the mistake can show."""
    for signature, options in SIGNATURES.items():
        yield from ((signature, name) for name, made in MISTAKES.items() if made.shows_on(options))
