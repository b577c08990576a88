"""`attnspec doctor`: is the adapter right, before: is the kernel right.

Most first failures are not wrong numbers but wrong wiring: an option under another name, the other layout, a logsumexp to
base 2, an output in another dtype. One tiny call with Q = 0 shows them, because then every row is the mean of V.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click
import numpy as np

if TYPE_CHECKING:
    from attnspec.adapters.contract import Implementation
    from attnspec.conformance.problems.problem import Problem

__all__ = ["examine"]

B, H, SQ, SK, D = 1, 2, 3, 5, 16
"""All different, so that swapped axes show."""

COARSE = 2.0**-5
"""Far above the rounding of any dtype of the contract, far below what a swapped axis does to this problem. It only decides
which advice is given; no law uses it."""


def examine(addresses: Sequence[str]) -> int:
    """Print what is found. Exit code 0 where nothing is wrong, 1 where something is."""
    from attnspec.conformance.selection import find_targets

    wrong = 0
    for target in find_targets(addresses):
        click.echo(f"{target.implementation.name}")
        for good, sentence in _findings(target.implementation):
            wrong += good is False
            click.echo(f"  {'ok  ' if good else 'note' if good is None else 'BAD '} {sentence}")
    click.echo("the adapter looks right" if not wrong else f"{wrong} thing{'s' if wrong > 1 else ''} to mend first")
    return 1 if wrong else 0


TRIED = {
    "attention": "Q = 0",
    "sparse_attention": "Q = 0",
    "linear_attention": f"Q = 1 and K = 1/{D}",
    "random_feature_attention": f"Q = 1 and K = 1/{D}",
}
"""Operations with what the trial call holds. Every row is then the mean of V, or of linear attention its sum."""

Finding = tuple[bool | None, str]


def _findings(made: Implementation) -> Iterator[Finding]:
    from attnspec.conformance.language.loading import operations
    from attnspec.conformance.meaning import WITHOUT_CONVENTIONS

    yield True, f"found: {made.operation}, {made.arrays} arrays in layout {made.layout}, from {made.origin or 'this process'}"
    for note in made.notes:
        yield None, note
    known = operations()[made.operation]["options"]
    yield True, f"options: {', '.join(name for name in known if name in made.options) or 'none besides q, k, v'}"
    lacking = [name for name in known if name not in made.options]
    if lacking:
        yield None, f"not claimed, so not tested: {', '.join(lacking)}"
    if made.operation not in TRIED:
        yield None, f"there is no trial call for the operation {made.operation}"
        return
    answers = True
    for dtype in made.dtypes:
        for good, sentence in _trial(made, dtype):
            answers = answers and good is not False
            yield good, f"{dtype}: {sentence}"
    if answers and made.operation not in WITHOUT_CONVENTIONS:
        yield from _conventions(made)


def _trial(made: Implementation, dtype: str) -> Iterator[Finding]:
    """One call whose answer is plain, and one that also returns the logsumexp where that is claimed."""
    from attnspec.adapters.contract import FLOAT8_DTYPES
    from attnspec.conformance.engine.subject import Broken, NotClaimed, Raised, Subject

    p = _problem(dtype, made)
    subject = Subject(made, dtype, {})
    try:
        out = subject.out_only(p)
    except NotClaimed as reason:
        yield None, f"the trial call was refused: {reason}"
        return
    except Raised as error:
        yield False, f"the call raised {error}"
        return
    except Broken as error:
        yield False, f"{error}{_layout_hint(made, str(error))}"
        return
    yield True, f"returns an array of {made.arrays}, shape {out.shape} as (B, H, S, D)"
    if str(out.dtype) != dtype and dtype not in FLOAT8_DTYPES:
        yield None, f"the output comes back as {out.dtype}"
    judge = _judge_sum if p.operation == "linear_attention" else _judge
    yield judge(out.astype(np.float64), p)
    if subject.altered:
        yield False, f"the call wrote into its input {', '.join(sorted(subject.altered))}"
    if "return_lse" in made.options:
        yield _judge_lse(subject, p)


def _judge(out: Any, p: Problem) -> Finding:
    v, held = p.v.astype(np.float64), TRIED[p.operation]
    if not np.isfinite(out).all():
        return False, f"{np.count_nonzero(~np.isfinite(out))} of {out.size} entries are not finite"
    if np.abs(out - v.mean(axis=2, keepdims=True)).max() < COARSE:
        return True, f"with {held} every row is the mean of V"
    if np.abs(out - v.mean(axis=1, keepdims=True).mean(axis=2, keepdims=True)).max() < COARSE:
        return False, f"with {held} every row is the mean of V over heads too; is the layout declared rightly (bhsd or bshd)?"
    return False, (
        f"with {held} every row should be the mean of V over the keys and is not; is the layout declared rightly (bhsd or "
        "bshd), or does it mask by default?"
    )


def _judge_sum(out: Any, p: Problem) -> Finding:
    """Of linear attention, where every query and key have the product 1."""
    due, held = p.v.astype(np.float64).sum(axis=2, keepdims=True), TRIED[p.operation]
    if np.abs(out - due).max() < COARSE:
        return True, f"with {held} every row is the sum of V"
    if np.abs(out - due / SK).max() < COARSE:
        return False, f"with {held} every row is the mean of V, as if normalised; that is what normalize asks for"
    return False, (
        f"with {held} every row should be the sum of V over the keys and is not; is the layout declared rightly "
        "(bhsd or bshd), is the scale 1, or is it causal by default?"
    )


def _judge_lse(subject: Any, p: Problem) -> Finding:
    from attnspec.conformance.engine.subject import Broken, NotClaimed, Raised

    try:
        lse = subject.attend(p).lse.value
    except (Broken, NotClaimed, Raised) as error:
        return False, f"with return_lse: {error}"
    if np.abs(lse - np.log(SK)).max() < COARSE:
        return True, f"the logsumexp has shape {lse.shape} and is the natural one"
    if np.abs(lse - np.log2(SK)).max() < COARSE:
        return False, "the logsumexp is to base 2; the contract asks for the natural logarithm (multiply by ln 2)"
    return False, f"with Q = 0 the logsumexp should be log({SK}) = {np.log(SK):.4f} in every row and is {lse.flat[0]:.4f}"


def _layout_hint(made: Implementation, message: str) -> str:
    swapped = str((B, SQ, H, D))
    other = "bshd" if made.layout == "bhsd" else "bhsd"
    return f"; this looks like layout={other!r}" if swapped in message else ""


def _conventions(made: Implementation) -> Iterator[Finding]:
    from attnspec.conformance.engine.conventions import settled

    for name, (choice, how) in settled(made).items():
        yield (None if how == "assumed" else True), f"{name} is {choice} ({how})"


def _problem(dtype: str, made: Implementation) -> Problem:
    """Q = 0, K any, V of small integers whose means over keys, and over heads, differ; or Q = 1 and K = 1/D, as `TRIED` says.

    A projection is given where it is claimed.
    """
    from attnspec.conformance.problems.problem import Problem
    from attnspec.reference.rounding import DTYPES

    kind = DTYPES[dtype]
    v = np.arange(B * H * SK * D, dtype=np.float32).reshape(B, H, SK, D) % 7 + np.arange(H).reshape(1, H, 1, 1)
    k = np.arange(B * H * SK * D, dtype=np.float32).reshape(B, H, SK, D) % 5 - 2
    q = np.zeros((B, H, SQ, D))
    if TRIED[made.operation] != "Q = 0":
        q, k = np.ones_like(q), np.full_like(k, 1 / D)
    rows = np.arange(2 * D, dtype=np.float32).reshape(2, D) % 3 / 2 - 0.5
    options = {"projection": rows} if "projection" in made.options else {}
    return Problem(q.astype(kind), k.astype(kind), v.astype(kind), dtype, options, operation=made.operation)
