"""One diagnosis: problems are chosen, the implementation is asked, suspects are compared, and what was found is plain data.

It runs only after a failure and takes a second or two. How much is asked is bounded by counts, so that equal runs say the same;
only what is far too slow is cut short by time. What it learnt about an implementation is kept for the next law that
fails: the plain problems, and the mistake that explained it, which is tried first and on fewer problems.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from ...adapters.contract import Implementation
from ..engine.conventions import settled
from ..engine.lifted import able
from ..language.law import Law
from ..operations import operation_named
from ..problems.sizes import pool_for
from ..problems.structure import Structure
from ..remembered import at_the_end
from ..vocabulary.word import GRADIENTS, WORDS
from .call_log import Call, CallLog
from .matching import TIED, Match, came, differ, match
from .sample import Sample, drawn, plain_sample, sample_of_law, scores, unused, variants
from .suspects import Suspect, applicable
from .verdicts import alike

__all__ = ["Investigation", "investigation"]

SECONDS, LEAST = 60.0, 4
"""Processor time after which no further problem is asked of the implementation, but for so many of the law and plain ones.
These are also all that is asked where each call is interpreted or compiled.
"""

FAILED, MORE, PLAIN, ALONE, TWICE, FURTHER, OFFERS = 4, 3, 6, 2, 1, 6, 12
"""Problems: on which the law failed; drawn for the law besides; plain ones; with one option; those asked after another call;
to tell suspects apart, and drawn for that with each option."""

ENOUGH = 3
"""Laws by whose verdicts a mistake is looked for where plain outputs are wrong and nothing gives them."""

SHOWING = 3
"""Failing problems of a law on which suspects must differ from the definition, where only verdicts can tell."""

VALUES = ["normal", "soft", "normal", "rising", "falling", "integers"]
"""Distributions of plain problems: those on which most mistakes show and differ."""

EXTREME = ["sharp", "dominating", "logits50", "logits6e4"]
"""Further ones, for suspects that are still level."""


class Investigation:
    """What is known of one implementation in one dtype."""

    def __init__(self, made: Implementation, dtype: str) -> None:
        self.made, self.dtype = made, dtype
        self.conventions = {name: choice for name, (choice, _) in settled(made).items()}
        self.pool = pool_for("quick", made.compiles, 0, small=made.mode == "interpreted", takes=made.takes)
        self.log = CallLog(made, dtype, self.conventions)
        self.slow = made.compiles or made.mode == "interpreted"
        self.plain: dict[frozenset[str], list[Sample]] = {}
        self.unexplained = 0
        """Laws that failed where plain outputs are wrong, and no mistake gives them."""
        self.explained: list[str] = []
        """Faults that explained everything before, or all problems of a law."""

    def of(self, law: Law, failed: Sequence[Structure], record: Callable[[str], None]) -> tuple[Match, list[Any]]:
        """The suspects for one law, and those that only fail the same law where no output is wrong.

        failed: structures on which the law failed, the smallest first. record: called with each case before it runs.
        """
        until = time.process_time() + SECONDS
        offered = self._of_law(law, failed, record, until)
        samples = list(islice(offered, LEAST))
        found = self._known(samples)
        if found is not None:
            return found, []
        samples += offered
        options = frozenset().union(*(sample.options for sample in samples if not sample.correct))
        drawing = all(sample.p.draws_features for sample in samples)
        if drawing:  # nobody else knows what is due there, so problems with a given projection must tell
            options, until = options | {operation_named(self.made.operation).undrawn}, time.process_time() + SECONDS
        samples += self._plain(options, law, record, until)
        if drawing:
            return self._of_drawing(law, samples)
        found = match(samples, self._suspects(samples))
        told = any(sample.of_law and not sample.correct for sample in samples)
        if _asks_gradients(law) or not told:
            # A mistake that explains every output may be another one than that of the backward pass, or of this law.
            found.full = [s for s in found.full if s.law_shown]
        self._separate(found, law, record, until)
        best = (found.full or found.in_law)[:TIED]
        self.explained += [s.fault.name for s in best if s.fault.name not in self.explained]
        if found.full or found.in_law or found.nearest:
            return found, []
        if any(not sample.of_law and not sample.correct for sample in samples):
            self.unexplained += 1
            if self.unexplained > ENOUGH:  # what is wrong everywhere is one mistake, and verdicts of one more law say no more
                return found, []
        # No output tells. A mistake that changes from call to call cannot give the same outputs, only the same verdicts; nor
        # can one about splits whose sizes are not known, but NaN shows where it comes from.
        failing = [sample for sample in samples if sample.verdict == "fail"][:SHOWING]
        asked = found.quiet
        if found.wrong:
            strange = not came(samples) & {"finite", "zero"}
            asked = [s for s in found.everyone if (not s.far if s.fault.remembers else strange)]
            asked += [] if told else [s for s in found.everyone if s.fault.name in law.kills and s not in asked]
        asked = [s for s in asked if s.fault.remembers or any(s.shows(sample) for sample in failing)]
        asked.sort(key=lambda s: not s.fault.remembers)
        return found, alike(law, self.made, self.conventions, samples, asked)

    def _of_drawing(self, law: Law, samples: list[Sample]) -> tuple[Match, list[Any]]:
        """Suspects that fail a law about drawn features: those of the drawing itself, and those that outputs leave."""
        telling = [sample for sample in samples if not sample.p.draws_features] or samples
        found = match(telling, self._suspects(samples))
        left = {s.fault.name for s in (found.full if found.wrong else found.quiet)}
        drawing = operation_named(self.made.operation).drawing
        asked = [s for s in found.everyone if s.fault.name in left or drawing & set(s.fault.needs)]
        found.full, found.in_law, found.nearest = [], [], None
        return found, alike(law, self.made, self.conventions, samples, asked)

    # Problems

    def _of_law(self, law: Law, failed: Sequence[Structure], record: Callable[[str], None], until: float) -> Iterator[Sample]:
        """The smallest failing problem as it is; larger failing ones and drawn ones, without a past if that can be."""
        fixed = self.made.compiles or bool({"d", "dv"} & set(law.given))
        numbers = None if fixed else unused(self.made)
        chosen = _spread(failed, FAILED)
        name = f"diagnosis/{law.id}/{self.dtype}"
        backward = _asks_gradients(law)
        options = sorted(self.made.backward_options if backward else able(self.made, law))
        count = 2 * MORE if backward else MORE
        chosen += drawn(self.made, self.dtype, [law.given], options, self.pool, name, count, law.operation)[0]
        given = 0
        for number, structure in enumerate(chosen):
            if (self.slow or time.process_time() > until) and given >= LEAST:
                return
            ways = [(structure, False)] if number == 0 else []
            ways += list(variants(structure, numbers, backward)) if number or not fixed else []
            for changed, new in ways:
                record(f"{law.id}?{changed.query()}")
                sample = sample_of_law(law, changed, self.log, new, 2 if new and not number else 1)
                if sample is not None:
                    given += 1
                    yield sample
                    if number or new:
                        break

    def _plain(self, options: frozenset[str], law: Law, record: Callable[[str], None], until: float) -> list[Sample]:
        """Plain problems, remembered by the options on which they dwell: any; these together; each of them alone."""
        asked = sorted(self._described(options) & set(self._described(self.made.options)))
        wishes: list[tuple[str, ...]] = [(), *((name,) for name in asked)]
        wishes += [tuple(asked)] if len(asked) > 1 else []
        new = [wish for wish in wishes if frozenset(wish) not in self.plain]
        for wish, structures in zip(new, self._drawn(new, PLAIN), strict=True):
            few = structures if not wish else structures[:ALONE]
            offered = [(structure, False) for structure in few] + [(structure, True) for structure in few[:TWICE]]
            kept = self.plain[frozenset(wish)] = []
            for structure, twice in offered:
                if (not wish and len(kept) < LEAST) or (not self.slow and time.process_time() < until):
                    sample = self._ask(structure, law, record, twice)
                    kept += [] if sample is None else [sample]
        return [sample for wish in wishes for sample in self.plain[frozenset(wish)]]

    def _drawn(self, wishes: Sequence[Sequence[str]], count: int, values: Sequence[str] = VALUES) -> list[list[Structure]]:
        """For each wish, plain structures with these options and others."""
        known = operation_named(self.made.operation).contents
        values = [name for name in values if name in known] or list(known)
        givens = [{"values": values, **dict.fromkeys(wish, "drawn")} for wish in wishes]
        name = f"{values[0]}/{'/'.join(','.join(wish) for wish in wishes)}/{self.dtype}"
        return drawn(self.made, self.dtype, givens, sorted(self.made.options), self.pool, name, count) if wishes else []

    def _ask(self, structure: Structure, law: Law, record: Callable[[str], None], twice: bool = False) -> Sample | None:
        """One plain problem, after another call of the same shapes where it is asked `twice`."""
        for changed, new in variants(structure, None if self.made.compiles else unused(self.made)):
            record(f"{law.id}?{changed.query()}")
            sample = plain_sample(changed, self.log, new, twice)
            if sample is not None:
                return sample
        return None

    # Suspects

    def _suspects(self, samples: Sequence[Sample]) -> list[Suspect]:
        options = frozenset().union(*(sample.options for sample in samples))
        return applicable(self.made, self.dtype, self.conventions, options)

    def _known(self, samples: list[Sample]) -> Match | None:
        """The mistakes that explained other laws before, if one explains this law too."""
        plain = [sample for group in self.plain.values() for sample in group]
        again = [s for s in self._suspects([*samples, *plain]) if s.fault.name in self.explained]
        found = match([*samples, *plain], again) if again else None
        return found if found is not None and any(s.law_shown for s in found.full or found.in_law) else None

    def _separate(self, found: Match, law: Law, record: Callable[[str], None], until: float) -> None:
        """Draw problems on which suspects that are level give different outputs, and ask the implementation there."""
        if len(found.full) < 2:
            return
        wishes = [(), *((name,) for name in sorted(self._described({n for s in found.full for n in s.fault.needs})))]
        asked = 0
        offers = [*self._drawn(wishes, OFFERS), *self._drawn(wishes, OFFERS, EXTREME)]
        for structure in (s for together in zip(*offers, strict=False) for s in together):
            if len(found.full) < 2 or asked >= FURTHER or time.process_time() > until:
                return
            if differ(found.full[:TIED], [Call(self._built(structure))]):
                sample = self._ask(structure, law, record)
                if sample is not None:
                    asked += 1
                    found.meet(sample)

    def _described(self, options: Any) -> set[str]:
        """Options by the names that structures use, without those that are only drawn on request."""
        known = operation_named(self.made.operation).options
        return {name for name, option in known.items() if {name, *option.stands_for} & set(options) and not option.on_request}

    def _built(self, structure: Structure) -> Any:
        from ..problems.build import build

        return build(structure, self.conventions)


@lru_cache(maxsize=1)
def investigation(made: Implementation, dtype: str) -> Investigation:
    """The one investigation of an implementation in a dtype, kept until another is asked for."""
    return Investigation(made, dtype)


at_the_end(investigation.cache_clear)


def _asks_gradients(law: Law) -> bool:
    """Whether a law is about the backward pass."""
    return any(WORDS[word].asks == GRADIENTS for word in law.words())


def _spread(failed: Sequence[Structure], count: int) -> list[Structure]:
    """The smallest, the largest, and others between them in size."""
    ordered = sorted(dict.fromkeys(failed), key=lambda s: (scores(s), s.query()))
    if len(ordered) <= count:
        return [*failed[:1], *(s for s in ordered[::-1] if s != failed[0])]
    steps = [round(n * (len(ordered) - 1) / (count - 1)) for n in range(count)]
    return [failed[0], *(ordered[n] for n in reversed(steps[1:]) if ordered[n] != failed[0])]
