"""Draws from a strategy, the same for the same name on every machine.

Hypothesis mixes into its draws numbers that it finds in the source code of whatever is loaded from outside site-packages: the
kernel of a user, and the kit itself where it is installed for editing. Then two runs of one seed would try other problems, and
the code of a known mistake, or of the kernel under test, could choose the problems on which it is judged. So no number comes
from there.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["draw"]

T = TypeVar("T")

FEW = 10
"""Draws below which the simplest of all, with which Hypothesis begins, is not one of them: it shows little."""


def draw(strategy: SearchStrategy[T], body: Callable[[T], Any], *, name: str, examples: int, shrink: bool) -> None:
    """Call `body` with up to `examples` draws; of those that it rejects (hypothesis.reject) ten times as many.

    The simplest draw is among them only where there are FEW or more.
    name: seeds the draws. shrink: whether a draw on which body raises is made smaller, as long as it raises.
    Raises what body raises, hypothesis.errors.Unsatisfiable where it rejects all, Flaky where it changes its mind.
    """
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
    with _blind_to_source():
        settings(seeded(hypothesis.given(strategy)(_named(body, skipped=int(examples < FEW)))))()


def _named(body: Callable[[T], Any], skipped: int) -> Callable[[T], Any]:
    """A plain function, as Hypothesis wants one: a bound method would be taken for a test without its instance.

    skipped: how many draws it rejects before it looks at one.
    """
    import hypothesis

    def attempt(drawn: T) -> None:
        nonlocal skipped
        if skipped:
            skipped -= 1
            hypothesis.reject()
        body(drawn)

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
