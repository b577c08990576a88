"""What came where no known mistake explains it: an exception, NaN, a number that is too far off.

Two findings without a name are put together by this and by nothing else, so it must not be finer than one cause, nor coarser
than what a reader would look into at once. Where plain outputs are wrong already, every law that looks at them fails in its own
words, and a reader looks at the outputs first: what the findings have in common is then the options with which they are wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .schema import Result
from .schema.diagnosis import Symptom as Seen

__all__ = ["Symptom", "symptom"]

RAISED = "raised "
"""How the message of a result starts whose implementation raised."""

AGAINST = re.compile(r"^at \[[\d, ]*\]: (\S+) against ([^\s,]+)")
"""What came, and what it was held against."""

DURING = re.compile(r" (while running|before its first problem) .*")
"""Where a crash or a hang came."""

CASE = re.compile(r" while running \S+$")
"""The case of a crash or a hang, which the command that runs it again has too."""

ACCEPTED = re.compile(r"an error was expected$")
"""What was accepted that should have been refused is said in words: no number is wrong."""

NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?")
"""Sizes and values in a message differ from case to case."""


@dataclass(frozen=True)
class Symptom:
    """key: equal where the symptom is. words: a sentence without its full stop. anywhere: whether it tells as much where
    another implementation has it. part: outputs or gradients, where it is of numbers. common: where plain calls give wrong
    numbers too, the options that all wrong problems have; else None.
    """

    key: tuple[str, ...]
    words: str
    anywhere: bool = False
    part: str = ""
    common: frozenset[str] | None = None


def symptom(row: Result) -> Symptom:
    """What a result that failed or had no answer has in common with others."""
    message = row.message
    if row.verdict == "error":
        raised = message.startswith(RAISED)
        words = f"raises {message.removeprefix(RAISED)}" if raised else CASE.sub("", message) or "has no answer"
        return Symptom(("error", NUMBER.sub("#", DURING.sub("", message))), words, anywhere=raised)
    rounding = row.diagnosis.arithmetic
    if rounding:
        return Symptom(("arithmetic", rounding.model), rounding.sentence)
    near = row.diagnosis.nearest.fault if row.diagnosis.nearest else ""
    part = "gradients" if row.chapter == "gradients" else "outputs"
    found = AGAINST.match(message)
    seen = None if ACCEPTED.search(message) else row.diagnosis.symptom or None
    shared = seen.shared if seen else None
    if found is None and re.match(r"(at |key |query |head )", message) is None and not near and shared is None:
        return Symptom(("said", NUMBER.sub("#", message)), message or "does not hold")
    kind = _seen(seen) if seen else _kind(*found.groups()) if found else "too far off"
    unlike = ", and no known mistake explains it" if row.diagnosis.how == "none" else ""
    hint = f"; {near} comes nearest" if near else ""
    words = f"{part} {kind}{unlike}{hint}"
    if shared is None:
        return Symptom((part, kind), words)
    return Symptom((part, "wrong with", *shared), words, part=part, common=frozenset(shared))


def _seen(found: Seen) -> str:
    """What wrong numbers have in common on every problem that was looked at."""
    if found.changes:
        return "that change from call to call by more than their bounds allow"
    came, due = set(found.came), set(found.due)
    strange = [name for word, name in (("nan", "NaN"), ("inf", "an infinity")) if any(word in each for each in came)]
    if strange and not came & {"finite", "zero"}:
        return f"with {' or '.join(strange)} where a number is due"
    if came == {"zero"} and "finite" in due:
        return "of 0 where another number is due"
    if due == {"nan"}:
        return "with a number where NaN is due"
    also = f", and with {' or '.join(strange)} where a number is due" if strange else ""
    return f"further off than their bound allows{also}"


def _kind(came: str, due: str) -> str:
    for word, name in (("nan", "NaN"), ("inf", "an infinity")):
        if (word in came) != (word in due):
            return f"with {name} where a number is due" if word in came else f"with a number where {name} is due"
    return "further off than their bound allows"
