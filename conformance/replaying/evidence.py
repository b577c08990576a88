"""What is kept of a finding: in words, the simplest values on which the law fails; and its calls, packed for a script."""

from __future__ import annotations

from ...adapters.contract import Implementation
from ..engine.conventions import settled
from ..engine.outcome import outcome
from ..engine.result import Result
from ..engine.subject import Subject
from ..language.law import Law
from ..problems.build import build
from ..problems.problem import Problem
from ..problems.structure import Structure
from .calls import Listener
from .script import pack
from .simplify import array_of, simplify

__all__ = ["left_behind"]


def left_behind(law: Law, made: Implementation, result: Result) -> tuple[list[str], str]:
    """Of a result with a case: sentences about the simplest values that still fail, and the packed calls.

    Nothing is packed where the calls are too large for a script, or where the case does not fail again, which is told. The
    script says what the law found on these simplest values, for they are the ones it gives.
    """
    structure = Structure.parse(str(result.case).partition("?")[2], law.operation)
    conventions = {name: choice for name, (choice, _) in settled(made).items()}
    subject, listener = (kind(made, result.dtype, conventions) for kind in (Subject, Listener))

    def fails(p: Problem) -> bool:
        return _verdict(law, p, subject)[0] == result.verdict

    p = build(structure, conventions)
    if not fails(p):
        return ["the same case did not fail when it was tried again"], ""
    p, simple = simplify(p, fails)
    verdict, found = _verdict(law, p, listener)
    assert isinstance(listener, Listener)
    said = [_in_words(p, name, words, listener) for name, words in simple.items()]
    if verdict != result.verdict:
        return said, ""
    return said, pack(listener.calls, law, made, result.dtype, str(result.case), found or result.message) or ""


def _in_words(p: Problem, name: str, words: str, listener: Listener) -> str:
    """`v is 0 throughout`; and that the law puts other values there, where none of its calls has these."""
    own, others = array_of(p, name), [array_of(call.p, name) for call in listener.calls]
    replaced = bool(others) and not any(x is not None and x.tobytes() == own.tobytes() for x in others)
    return f"{name} is {words}" + (f" (the law replaces {name} before it calls)" if replaced else "")


def _verdict(law: Law, p: Problem, subject: Subject) -> tuple[str, str]:
    """The verdict, and the sentence about the worst entry where numbers break the law."""
    subject.forget()
    found = outcome(law, p, subject)
    return found.verdict, found.said
