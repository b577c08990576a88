"""Draws from a strategy, the same for the same name on every machine.

Hypothesis mixes into its draws numbers that it finds in the source code of whatever is loaded from outside site-packages: the
kernel of a user, and the kit itself where it is installed for editing. Then two runs of one seed would try other problems, and
the code of a known mistake, or of the kernel under test, could choose the problems on which it is judged. So no number comes
from there.

What is drawn follows from the strategy, the name, and which draws were rejected. So the last history of each is remembered, and
who asks again is answered from it for as long as the same draws are rejected: drawing takes longer than a small kernel.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["Rejected", "draw"]

T = TypeVar("T")

FEW = 10
"""Draws below which the simplest of all, with which Hypothesis begins, is not one of them: it shows little."""


class Rejected(Exception):
    """Raised by a body for a draw that does not count, and in whose place another one comes."""


REMEMBERED = 20_000
"""Draws that are remembered, over all histories."""


@dataclass
class History:
    """What was drawn, and whether it was rejected, in order. whole: whether nothing else would have been drawn."""

    drawn: list[Any] = field(default_factory=list)
    rejected: list[bool] = field(default_factory=list)
    raised: BaseException | None = None
    whole: bool = False


_HISTORIES: dict[Hashable, History] = {}


def draw(
    strategy: SearchStrategy[T],
    body: Callable[[T], Any],
    *,
    name: str,
    examples: int,
    shrink: bool,
    same: Hashable = None,
) -> None:
    """Call `body` with up to `examples` draws; of those that it rejects (Rejected) ten times as many.

    The simplest draw is among them only where there are FEW or more.
    name: seeds the draws. shrink: whether a draw on which body raises is made smaller, as long as it raises.
    same: what all strategies have in common that draw the same under one name; None where this one is like no other.
    Raises what body raises, hypothesis.errors.Unsatisfiable where it rejects all, Flaky where it changes its mind.
    """
    key = None if same is None else (same, name, examples)
    known = _HISTORIES.get(key) if key is not None else None
    if known is None:
        begun = History()
    elif (begun := _again(known, body)).whole:
        return
    _drawn(strategy, body, name, examples, shrink, begun)
    if key is not None and begun.whole:
        _remember(key, begun)


def _again(known: History, body: Callable[[T], Any]) -> History:
    """Call body with what was drawn before, up to where it answers otherwise: that part of the history, or all of it."""
    found = History()
    for drawn, before in zip(known.drawn, known.rejected, strict=True):
        rejected = False
        found.drawn.append(drawn)
        try:
            body(drawn)
        except Rejected:
            rejected = True
        except Exception as error:
            found.raised = error
            return found
        found.rejected.append(rejected)
        if rejected is not before:
            return found
    found.whole = any(not rejected for rejected in found.rejected)
    return found


def _remember(key: Hashable, history: History) -> None:
    _HISTORIES[key] = history
    held = sum(len(each.drawn) for each in _HISTORIES.values())
    while held > REMEMBERED:
        held -= len(_HISTORIES.pop(next(iter(_HISTORIES))).drawn)


def _drawn(
    strategy: SearchStrategy[T], body: Callable[[T], Any], name: str, examples: int, shrink: bool, history: History
) -> None:
    """Let Hypothesis draw. What is in the history was answered already; what is answered now is added to it."""
    import hypothesis
    from hypothesis import HealthCheck, Phase

    settings = hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=hypothesis.Verbosity.quiet,
    )
    seeded = hypothesis.seed(zlib.crc32(name.encode()))
    test = _named(body, skipped=int(examples < FEW), history=history)
    wrapped = settings(seeded(hypothesis.given(strategy)(test)))
    # No database, so no key, for which Hypothesis would read the source of the test each time.
    setattr(wrapped, "_hypothesis_internal_database_key", None)  # noqa: B010
    with _blind_to_source():
        wrapped()
    history.whole = True


def _named(body: Callable[[T], Any], skipped: int, history: History) -> Callable[[T], Any]:
    """A plain function, as Hypothesis wants one: a bound method would be taken for a test without its instance.

    skipped: how many draws it rejects before it looks at one. history: draws that were answered; it repeats these answers, and
    adds those that follow.
    """
    import hypothesis

    answered, raised, at = len(history.rejected), history.raised, 0

    def attempt(drawn: T) -> None:
        nonlocal skipped, at
        if skipped:
            skipped -= 1
            hypothesis.reject()
        at += 1
        if at <= answered:
            if history.rejected[at - 1]:
                hypothesis.reject()
            return
        if at == answered + 1 and raised is not None:
            raise raised
        if at > len(history.drawn):
            history.drawn.append(drawn)
        try:
            body(drawn)
        except Rejected:
            history.rejected.append(True)
            hypothesis.reject()
        history.rejected.append(False)

    return attempt


@contextlib.contextmanager
def _blind_to_source() -> Iterator[None]:
    """No numbers from source code, inside the block. Hypothesis has no setting for it; older versions never did it."""
    from hypothesis.internal.conjecture import providers

    name = "_maybe_draw_constant"
    provider = providers.HypothesisProvider
    own = getattr(provider, name, None)
    if own is None:
        yield
        return
    setattr(provider, name, lambda self, *arguments, **keywords: None)
    try:
        yield
    finally:
        setattr(provider, name, own)
