"""A diagnosis in words: which known mistake it looks like and how surely, where it shows, and what the kernel sees."""

from __future__ import annotations

from .lines import WIDTH, field
from .schema import Diagnosis
from .schema.diagnosis import Mistake

__all__ = ["diagnosis_lines", "evidence", "leading", "unexplained"]


def leading(found: Diagnosis) -> str | None:
    """The name of the mistake that stands first in a diagnosis, or None."""
    return found.ranked[0].fault if found and found.ranked else None


def diagnosis_lines(found: Diagnosis, width: int = WIDTH) -> list[str]:
    """Lines of labelled fields. Empty without a diagnosis."""
    if not found:
        return []
    lines = [*_mistake(found, width)]
    rounding = field("rounding", found.arithmetic.sentence if found.arithmetic else "", width)
    lines = [*lines, *rounding] if found.ranked else [*rounding, *lines]
    for label, said in (("where", "; ".join(found.where)), ("factor", "; ".join(found.factor))):
        lines += field(label, said, width)
    return [*lines, *field("mask", found.mask, width, whole=True)]


def _mistake(found: Diagnosis, width: int) -> list[str]:
    if not found.ranked:
        return field("mistake", unexplained(found), width)
    first, *others = found.ranked
    lines = [f"{first.fault}: {first.title}", evidence(found.how, first)]
    lines += [f"equally likely: {', '.join(other.fault for other in others)}"] if others else []
    return field("mistake", [*lines, *first.links], width)


def unexplained(found: Diagnosis) -> str:
    """What is said where no known mistake explains it."""
    near = None if found.arithmetic else found.nearest
    hint = f"; {near.fault} comes nearest, with {near.matched}/{near.of}" if near else ""
    return f"no known mistake explains it ({found.problems} problems, {found.wrong} incorrect){hint}"


def evidence(how: str, row: Mistake) -> str:
    """How much speaks for a mistake of `ranked`."""
    problems = f"{row.matched}/{row.of} problems"
    if how == "verdicts":
        return f"no single output tells; it passes and fails this law on the same {problems} ({row.shown} failures)"
    if how == "law":
        return f"reproduces this kernel's answers on {problems} of this law, but not elsewhere: there may be a second mistake"
    sizes = f", in tiles of {' or '.join(map(str, row.tiles))} keys" if row.tiles else ""
    return f"reproduces this kernel's output on {problems} ({row.shown} incorrect){sizes}"
