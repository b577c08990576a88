"""The first call that a doctor makes of attention over heads, and what its answer says of the wiring.

With Q = 0 every row is the mean of V, and with the products of linear attention the sum of V. So an option under another name,
the other layout, a logsumexp to base 2, and an output in another dtype show in one tiny call, without a reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....adapters.contract import FLOAT8_DTYPES, Implementation
from ....adapters.takes import OR
from ....reference.rounding import DTYPES
from ...engine.subject import Broken, NotClaimed, Raised, Subject
from ...problems.problem import Problem
from ...problems.taken import NotTaken
from ..known import operation_named
from ..operation import Trial
from .shapes import shape_near

__all__ = ["findings"]

Finding = tuple[bool | None, str]
"""Whether something is right, None where it is neither; and a sentence."""

SHAPE = (1, 2, 2, 3, 5, 16, 16)
"""b, hq, hkv, sq, sk, d, dv of the trial call, or the nearest that is taken. All different, so that swapped axes show."""

COARSE = 2.0**-5
"""Far above the rounding of any dtype of the contract, far below what a swapped axis does to this problem. It only decides
which advice is given; no law uses it."""


def findings(made: Implementation, dtype: str, trial: Trial) -> Iterator[Finding]:
    """Of one call whose answer is plain, and one that also returns the logsumexp where that is claimed."""

    try:
        p = _problem(dtype, made, trial)
    except NotTaken as reason:
        yield False, f"no problem could be tried: {reason}"
        return
    subject = Subject(made, dtype, {})
    try:
        out = subject.out_only(p)
    except NotClaimed as reason:
        yield False, f"nothing was tried, for the trial call is refused: {reason}; let `supports` take it, or declare sizes="
        return
    except Raised as error:
        yield False, f"the call raised {error}"
        return
    except Broken as error:
        yield False, f"{error}{_layout_hint(made, p, str(error))}"
        return
    yield True, f"returns an array of {made.arrays}, shape {out.shape} as (B, H, S, D)"
    if str(out.dtype) != dtype and dtype not in FLOAT8_DTYPES:
        yield None, f"the output comes back as {out.dtype}"
    judge = _judge_sum if trial.sum else _judge_mean
    yield judge(out.astype(np.float64), p, trial.words)
    if subject.altered:
        yield False, f"the call wrote into its input {', '.join(sorted(subject.altered))}"
    if "return_lse" in made.options:
        yield _judge_lse(subject, p)


def _judge_mean(out: Any, p: Problem, held: str) -> Finding:
    v = np.repeat(p.v.astype(np.float64), p.hq // p.hkv, axis=1)
    if p.options.get("causal"):
        return _judge_causal(out, v)
    if not np.isfinite(out).all():
        return False, f"{np.count_nonzero(~np.isfinite(out))} of {out.size} entries are not finite"
    if np.abs(out - v.mean(axis=2, keepdims=True)).max() < COARSE:
        return True, f"with {held} every row is the mean of V"
    if np.abs(out - v.mean(axis=1, keepdims=True).mean(axis=2, keepdims=True)).max() < COARSE:
        return False, f"with {held} every row is the mean of V over heads too; is the layout declared rightly (bhsd or bshd)?"
    if any(np.abs(out - past).max() < COARSE for past in _past_means(v, out.shape[2])):
        return False, (
            f"with {held} every row is the mean of the values up to its own position, and causality was not asked "
            "for; if it always is causal, declare always={'causal': True}"
        )
    return False, (
        f"with {held} every row should be the mean of V over the keys and is not; is the layout declared rightly (bhsd or "
        "bshd), or does it mask by default?"
    )


def _past_means(v: Any, rows: int) -> Iterator[Any]:
    """What causal rows are with Q = 0, counted from the top left and to the bottom right; no row that sees no key."""
    keys = v.shape[2]
    for offset in (0, keys - rows):
        counts = np.minimum(np.arange(rows) + 1 + offset, keys)
        if (counts > 0).all():
            yield np.cumsum(v, axis=2)[:, :, counts - 1] / counts[:, None]


def _judge_causal(out: Any, v: Any) -> Finding:
    """Of a kernel that is always causal, whose last row sees Sk keys from the bottom right, and Sq from the top left."""
    rows, keys = out.shape[2], v.shape[2]
    seen, last = min(rows, keys), out[:, :, -1]
    corners = {min(1, keys), max(keys - rows + 1, 0)}  # keys that row 0 sees from the top-left, and to the bottom-right
    everywhere = np.abs(out[:, :, 0] - v.mean(axis=2)).max() < COARSE
    if rows > 1 and keys not in corners and everywhere:
        return False, "causal=True is declared of every call, and with Q = 0 the first row is the mean of V over all keys"
    if any(np.abs(last - v[:, :, :count].mean(axis=2)).max() < COARSE for count in (seen, v.shape[2])):
        return True, "with Q = 0 the last causal row is the mean of the values that it sees"
    return (
        False,
        "with Q = 0 the last causal row should be the mean of the values that it sees; is the layout declared rightly?",
    )


def _judge_sum(out: Any, p: Problem, held: str) -> Finding:
    """Of linear attention, where every query and key have the product 1."""
    v = p.v.astype(np.float64)
    due = np.cumsum(v, axis=2) if p.options.get("causal") else v.sum(axis=2, keepdims=True)
    if np.abs(out - due).max() < COARSE:
        return True, f"with {held} every row is the sum of V"
    if np.abs(out - due / p.sk).max() < COARSE:
        return False, f"with {held} every row is the mean of V, as if normalised; that is what normalize asks for"
    return False, (
        f"with {held} every row should be the sum of V over the keys and is not; is the layout declared rightly "
        "(bhsd or bshd), is the scale 1, or is it causal by default?"
    )


def _judge_lse(subject: Any, p: Problem) -> Finding:

    try:
        lse = subject.attend(p).lse.value
    except (Broken, NotClaimed, Raised) as error:
        return False, f"with return_lse: {error}"
    row, sk = lse[:, :, -1], p.sk
    if np.abs(row - np.log(sk)).max() < COARSE:
        return True, f"the logsumexp has shape {lse.shape} and is the natural one"
    if np.abs(row - np.log2(sk)).max() < COARSE:
        return False, "the logsumexp is to base 2; the contract asks for the natural logarithm (multiply by ln 2)"
    if p.options.get("causal"):
        return None, f"with Q = 0 the logsumexp of the last causal row is {row.flat[0]:.4f}"
    return False, f"with Q = 0 the logsumexp should be log({sk}) = {np.log(sk):.4f} in every row and is {row.flat[0]:.4f}"


def _layout_hint(made: Implementation, p: Problem, message: str) -> str:
    swapped = str((p.b, p.sq, p.hq, p.dv))
    other = "bshd" if made.layout == "bhsd" else "bhsd"
    return f"; this looks like layout={other!r}" if swapped in message else ""


def _problem(dtype: str, made: Implementation, trial: Trial) -> Problem:
    """Q and K as the trial of the operation says, V of small integers whose means over keys, and over heads, differ.

    Of the shape that is taken nearest to SHAPE, with the options that every call has. A projection is given where it is
    claimed. Raises NotTaken where no shape is taken.
    """

    kind, operation = DTYPES[dtype], operation_named(made.operation)
    b, hq, hkv, sq, sk, d, dv = shape_near(SHAPE, made.takes)
    if made.takes.always.get("causal") and not operation.causal_past:
        sq = sk
    v = np.arange(b * hkv * sk * dv, dtype=np.float32).reshape(b, hkv, sk, dv) % 7 + np.arange(hkv).reshape(1, hkv, 1, 1)
    k = np.arange(b * hkv * sk * d, dtype=np.float32).reshape(b, hkv, sk, d) % 5 - 2
    q = np.full((b, hq, sq, d), trial.q)
    k = k if trial.k is None else np.full_like(k, trial.k(d))
    rows = np.arange(2 * d, dtype=np.float32).reshape(2, d) % 3 / 2 - 0.5
    options = {**made.takes.always, **({"projection": rows} if "projection" in made.options else {})}
    for name in (words.split(OR)[0] for words in made.takes.needs if words not in made.takes.always):
        if name in ("mask", "bias"):  # what hides nothing and adds nothing
            options[name] = np.full((b, hq, sq, sk), name == "mask", bool if name == "mask" else kind)
        elif name == "kv_lengths":
            options[name] = np.full(b, sk, np.int32)
    arrays = {name: array.astype(kind) for name, array in (("q", q), ("k", k), ("v", v))}
    return Problem(arrays, dtype, options, operation=made.operation)
