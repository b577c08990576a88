"""What is kept of a finding: in words, the simplest values on which the law fails; and its calls, packed for a script."""

from __future__ import annotations

from ...adapters.contract import Implementation
from ..engine.conventions import settled
from ..engine.evaluate import decide_law
from ..engine.result import Result
from ..engine.subject import Broken, NotClaimed, Raised, Subject
from ..language.law import Law
from ..problems.build import build
from ..problems.problem import Problem
from ..problems.structure import Structure
from ..vocabulary.word import Undecided
from .calls import Listener
from .script import pack
from .simplify import simplify

__all__ = ["left_behind"]


def left_behind(law: Law, made: Implementation, result: Result) -> tuple[list[str], str]:
    """Of a result with a case: sentences about the simplest values that still fail, and the packed calls.

    Nothing is packed where the calls are too large for a script, or where the case does not fail again, which is told.
    """
    structure = Structure.parse(str(result.case).partition("?")[2], law.operation)
    conventions = {name: choice for name, (choice, _) in settled(made).items()}
    subject, listener = (kind(made, result.dtype, conventions) for kind in (Subject, Listener))

    def fails(p: Problem) -> bool:
        return _verdict(law, p, subject) == result.verdict

    p = build(structure, conventions)
    if not fails(p):
        return ["the same case did not fail when it was tried again"], ""
    p, said = simplify(p, fails)
    if _verdict(law, p, listener) != result.verdict:
        return said, ""
    assert isinstance(listener, Listener)
    return said, pack(listener.calls, law, made, result.dtype, str(result.case), result.message) or ""


def _verdict(law: Law, p: Problem, subject: Subject) -> str:
    subject.forget()
    try:
        return "pass" if decide_law(law, p, subject).holds else "fail"
    except (Undecided, NotClaimed):
        return "undecided"
    except Broken:
        return "fail"
    except Raised:
        return "error"
