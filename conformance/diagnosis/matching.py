"""Which known mistake gives the outputs that came.

Every mistake that could show is a suspect, and is compared on every problem of the diagnosis; the right one gives everything
that came, also where nothing is wrong. Where several do, more problems are drawn on which they differ. Where none does, that
is said: a guess would send its reader astray.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...reference.rounding import round_to
from ..engine.symptom import kinds_of
from .call_log import Call, Observed
from .sample import Sample, scores
from .suspects import Suspect

__all__ = ["TIED", "Match", "came", "differ", "due", "match"]

FIRST = 4
"""Problems of which a suspect explains about half, or is dropped, where none explains all."""

TIED = 6
"""Suspects that are told apart at most."""


@dataclass
class Match:
    """everyone: all suspects, each tried until it missed. quiet: those that contradict nothing that came. full: those of the
    quiet that explain what is wrong, the best first. in_law: suspects that explain the law's own problems, but not the others.
    nearest: one that explains more than half of what is wrong. wrong: problems on which something was wrong.
    """

    samples: list[Sample]
    everyone: list[Suspect]
    quiet: list[Suspect]
    full: list[Suspect] = field(default_factory=list)
    in_law: list[Suspect] = field(default_factory=list)
    nearest: Suspect | None = None

    @property
    def wrong(self) -> int:
        return sum(not sample.correct for sample in self.samples)

    def meet(self, sample: Sample) -> None:
        """One more problem for the suspects that explain all so far."""
        self.samples.append(sample)
        for suspect in self.full:
            suspect.meet(sample)
        self.full = _ranked(s for s in self.full if s.explains)


def match(samples: Sequence[Sample], suspects: Iterable[Suspect]) -> Match:
    """Compare suspects with samples: those of the law come first, of them the wrong ones, of these the small ones, which cost
    least. The first miss ends it.
    """
    ordered = sorted(samples, key=lambda s: (not s.of_law, s.correct, scores(s.structure)))
    everyone = list(suspects)
    standing, lawful = everyone, list[Suspect]()
    for sample in ordered:
        if not sample.of_law and not lawful:
            lawful = [s for s in standing if s.explains_law]
        for suspect in standing:
            suspect.meet(sample)
        standing = [s for s in standing if s.matched == s.tried]
    found = Match(ordered, everyone, standing)
    found.full = _ranked(s for s in standing if s.explains)
    if found.full or _one_symptom(ordered):
        return found
    found.in_law = _ranked(lawful)
    if not found.in_law and came(s for s in ordered if s.of_law):  # numbers: what is only named needs nothing that is near
        found.nearest = _nearest(ordered, everyone, found.wrong)
    return found


def came(samples: Iterable[Sample]) -> frozenset[str]:
    """The kinds of numbers that came where something else was due: nan, inf, -inf, zero, finite."""
    return frozenset().union(*(_kinds([one.value[one.wrong] for one in _wrong(sample)]) for sample in samples))


def due(samples: Iterable[Sample]) -> frozenset[str]:
    """The kinds of numbers that were due where others came."""
    return frozenset().union(*(_kinds([one.exact[one.wrong] for one in _wrong(sample)]) for sample in samples))


def _wrong(sample: Sample) -> list[Observed]:
    return [one for call in sample.calls for one in call.observed.values() if one.wrong.any()]


def _kinds(arrays: Sequence[Any]) -> frozenset[str]:
    return kinds_of(np.concatenate(arrays)) if arrays else frozenset()


def _one_symptom(samples: Sequence[Sample]) -> bool:
    """Whether all that is wrong, on problems of the law and on others, is NaN, or infinite, or 0: then it is one mistake, and
    none that explains only the problems of the law.
    """
    wrong = [sample for sample in samples if not sample.correct]
    elsewhere = any(not sample.of_law for sample in wrong)
    return elsewhere and len(kinds := came(wrong)) == 1 and kinds != {"finite"}


def _nearest(samples: Sequence[Sample], everyone: Sequence[Suspect], wrong: int) -> Suspect | None:
    """The suspect that explains most of what is wrong, if that is more than half of it, and more than half of all problems.

    It explains something of the law, too: a kernel may have another mistake elsewhere. One that can no longer do so is dropped,
    and one that explains less than half of the first wrong problems, but for one of them. Plain ones come first: what mistakes
    give there is known from the laws before.
    """
    standing = [s.afresh() for s in everyone]
    for number, sample in enumerate(sorted(samples, key=lambda s: (s.correct, s.of_law)), 1):
        for suspect in standing:
            suspect.meet(sample)
        least = (min(number, FIRST, wrong) - 1) / 2
        standing = [s for s in standing if s.shown >= least and 2 * (s.tried - s.matched) < len(samples)]
    first = max((s for s in standing if s.law_shown), key=lambda s: (s.shown, s.matched, -s.distance), default=None)
    return first if first is not None and 2 * first.shown > wrong and 2 * first.matched > first.tried else None


def _ranked(suspects: Iterable[Suspect]) -> list[Suspect]:
    """The better explanation first: more of what is wrong, less that remains, fewer conditions.

    Where one explains it as it stands, none is kept for which a size of its tiles was chosen to suit.
    """
    ordered = sorted(suspects, key=lambda s: (-s.shown, s.distance, len(s.fault.needs), s.fault.name))
    return [s for s in ordered if not s.takes_other_tiles] or ordered


def differ(suspects: Sequence[Suspect], calls: Sequence[Call]) -> bool:
    """Whether two of the suspects give different outputs, as numbers of the dtype."""
    for call in calls:
        made = [s.out(call) for s in suspects]
        rounded = [None if x is None else round_to(x, call.p.dtype) for x in made]
        first = rounded[0]
        for other in rounded[1:]:
            if (first is None) != (other is None):
                return True
            if first is not None and other is not None and not np.array_equal(first, other, equal_nan=True):
                return True
    return False
