"""What a run prints otherwise on another processor than a page quotes it, each with its reason. All else must be the same.

A page quotes one run on one machine. A number that depends on the order in which a BLAS adds, or on how fast the processor is,
comes out otherwise elsewhere, and the page is still true. So such numbers are named here, one by one: a line is compared with
them left out, and what stands in their places must still be such a number. Nothing else may differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["VARYING", "Varying", "comparable"]


@dataclass(frozen=True)
class Varying:
    """what: its name. reason: why it differs. pattern: where it stands. kept: what of the match is compared."""

    what: str
    reason: str
    pattern: re.Pattern[str]
    kept: str


VARYING = (
    Varying(
        what="seconds of pytest",
        reason="How long tests take, which is not what a page tells.",
        pattern=re.compile(r"^(?P<counts>\d+ (?:passed|failed).*) in \d+\.\d\ds"),
        kept=r"\g<counts> in <seconds>",
    ),
    Varying(
        what="worst",
        reason="The largest share of a bound that rounding used; how sums round depends on the order in which the BLAS adds.",
        # The last column of the table of a run. It is never above 1, for it is of laws that passed.
        pattern=re.compile(r"^(?P<row>\S+(?: +(?:\d+/\d+|–))+ +)(?:0\.\d\d|1\.00)$"),
        kept=r"\g<row><worst>",
    ),
    Varying(
        what="what rounding leaves of a scale or gain",
        reason="Where no mistake moves an estimate it is rounding alone, which depends on the order in which the BLAS adds.",
        # Nothing but zeros before the last digit. What a mistake moves has more digits, and these stay as they are.
        pattern=re.compile(r"(?P<what>(?:scale|gain) off by )[+−]0\.0+\d?(?!\d)"),
        kept=r"\g<what><rounding>",
    ),
    Varying(
        what="problems asked",
        reason="A diagnosis asks as many problems as its seconds allow, and processors are not equally fast.",
        # A mistake that explains all of them, and is seen in some: that stays so.
        pattern=re.compile(r"\b(?P<all>[1-9]\d*)(?P<of>/| of )(?P=all) problems(?P<some>, | \()[1-9]\d* "),
        kept=r"<all>\g<of><all> problems\g<some><some> ",
    ),
)


def comparable(line: str) -> str:
    """A line with the name of each number that varies in its place."""
    for each in VARYING:
        line = each.pattern.sub(each.kept, line)
    return line
