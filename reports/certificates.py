"""What a green run is worth: of the known faults that could have shown, how many some law would have rejected."""

from __future__ import annotations

from collections.abc import Iterable

from .schema import Report
from .schema.result import Certificate

__all__ = ["certificate_lines", "certificate_text", "united"]

SHOWN = 12
"""Misses that are named on a line; report.json has all of them."""


def certificate_text(certificate: Certificate) -> str:
    """One certificate in words: `would have caught 11 of 12 (misses scale-one-percent)`."""
    if certificate.void:
        return f"certifies nothing: the law rejects the definition itself on {certificate.void}"
    caught, missed = certificate.caught, certificate.missed
    return f"would have caught {len(caught)} of {len(caught) + len(missed)}" + _misses(missed, " (misses {})")


def united(certificates: Iterable[Certificate]) -> Certificate:
    """What several laws certify together: a fault is missed where it could show and none of them rejects it."""
    caught: dict[str, None] = {}
    missed: dict[str, None] = {}
    not_judged: dict[str, str] = {}
    problems, void = 0, ""
    for each in certificates:
        caught |= dict.fromkeys(each.caught)
        missed |= dict.fromkeys(each.missed)
        not_judged |= each.not_judged
        problems, void = problems + each.problems, void or each.void
    left = [name for name in missed if name not in caught]
    return Certificate(problems=problems, caught=list(caught), missed=left, not_judged=not_judged, void=void)


def certificate_lines(report: Report) -> list[str]:
    """A line for each implementation that has certificates, and further ones for what they leave open."""
    lines = []
    for made in report.implementations:
        passed = [row for row in report.results if row.implementation == made.name and row.verdict == "pass"]
        found = [row.certificate for row in passed if row.certificate]
        if found:
            lines += [f"  {made.name}: {line}" for line in _lines(united(found), len(found), len(passed))]
    return lines


def _lines(all_: Certificate, certified: int, passed: int) -> Iterable[str]:
    caught, missed = len(all_.caught), len(all_.missed)
    share = "" if certified == passed else f", as far as {certified} of {passed} passes tell (--certificate for all)"
    misses = _misses(all_.missed, "; misses: {}")
    yield f"would have caught {caught} of {caught + missed} applicable known faults{share}{misses}"
    if all_.void:
        yield f"a law rejects the definition itself, so that its pass certifies nothing: {all_.void}"
    if all_.not_judged:
        yield f"not judged: {'; '.join(all_.not_judged.values())}"


def _misses(names: list[str], frame: str) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return frame.format(", ".join(names[:SHOWN]) + more) if names else ""
