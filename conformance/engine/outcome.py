"""What became of a law on one problem: the one place where what happened is turned into a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..hosts.line import Ended
from ..language.law import Law
from ..problems.problem import Problem
from ..vocabulary.word import Undecided
from .evaluate import Known, decide_law
from .relation import Decision
from .subject import Broken, NotClaimed, Raised, Subject

__all__ = ["Outcome", "outcome", "outcome_of"]


@dataclass(frozen=True)
class Outcome:
    """verdict: `pass` or `fail`; `error` where the implementation raised; `undecided` where the equation says nothing about the
    problem; `unclaimed` where the implementation does not take it.
    decision: what the equation gave, where it could be looked at. words: what else there is to say. trace: of what was raised.
    ended: whether the host of the implementation came to an end.
    """

    verdict: str
    decision: Decision | None = None
    words: str = ""
    trace: Sequence[str] = ()
    ended: bool = False

    @property
    def rejected(self) -> bool:
        """Whether the implementation did what the law forbids."""
        return self.verdict in ("fail", "error")

    @property
    def said(self) -> str:
        """Why it is rejected: the sentence about the worst entry, or what was raised or malformed; empty where it is not."""
        if self.verdict == "fail" and self.decision is not None:
            return self.decision.broken[1]
        return self.words if self.rejected else ""


def outcome(law: Law, p: Problem, subject: Subject, known: Known | None = None, *, sentences: bool = True) -> Outcome:
    """Hold a law against one subject on one problem. known, sentences: as in `decide_law`.

    Never raises for what the implementation does, but for KeyboardInterrupt and SystemExit.
    """
    return outcome_of(lambda: decide_law(law, p, subject, known, sentences=sentences))


def outcome_of(asked: Callable[[], Decision | None]) -> Outcome:
    """What became of what is asked of a subject: a decision, or None where it is known to pass without one."""
    try:
        decision = asked()
    except Undecided as undecided:
        return Outcome("undecided", words=str(undecided))
    except NotClaimed as refusal:
        return Outcome("unclaimed", words=str(refusal))
    except Broken as broken:
        return Outcome("fail", words=str(broken))
    except Raised as raised:
        return Outcome("error", words=f"raised {raised}", trace=raised.trace)
    except Ended as ended:
        return Outcome("error", words=str(ended), trace=ended.lines, ended=True)
    return Outcome("pass" if decision is None or decision.holds else "fail", decision)
