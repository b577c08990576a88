"""Problems of a diagnosis that nothing came before stay small, however many diagnoses there were."""

from __future__ import annotations

from typing import Any

import pytest

from attnspec.adapters.contract import implementation_of
from attnspec.conformance.diagnosis.investigation import Investigation
from attnspec.conformance.diagnosis.sample import NEW, unused, variants
from attnspec.conformance.problems.structure import Structure

pytestmark = pytest.mark.long

STRUCTURE = Structure.parse("b=1&hq=2&hkv=1&sq=3&sk=3&d=8&dv=8&dtype=float32&values=normal", "attention")


def attend(q: Any, k: Any, v: Any) -> Any:
    raise AssertionError("never called")


def test_each_implementation_is_given_each_number_once() -> None:
    first, second = (implementation_of(attend, name=name) for name in ("first", "second"))
    numbers = unused(first)
    given = [next(variants(STRUCTURE, numbers)) for _ in NEW]
    assert [changed.dv for changed, new in given if new] == list(NEW)
    assert list(variants(STRUCTURE, unused(first))) == [(STRUCTURE, False)]  # none is left, also for the next diagnosis
    changed, new = next(variants(STRUCTURE, unused(second)))
    assert new and changed.dv == NEW[0]
    assert list(variants(STRUCTURE, None)) == [(STRUCTURE, False)]


def test_a_slow_implementation_is_still_asked_something(monkeypatch: Any) -> None:
    from attnspec.conformance.diagnosis import investigation
    from attnspec.conformance.language import load_laws
    from attnspec.reference.faults.catalogue import as_callable

    monkeypatch.setattr(investigation, "SECONDS", 0.0)
    law = next(law for law in load_laws() if law.id == "weights/as-defined")
    made = implementation_of(as_callable("tail-keys-dropped"), name="slow")
    found, _ = Investigation(made, "float32").of(law, [STRUCTURE], lambda case: None)
    assert len(found.samples) >= 2 * investigation.LEAST


def test_how_much_is_asked_does_not_depend_on_the_clock(monkeypatch: Any) -> None:
    """A clock that runs a thousand times faster changes nothing but what takes far too long."""
    from attnspec.conformance.diagnosis import investigation
    from attnspec.conformance.language import load_laws
    from attnspec.reference.faults.catalogue import as_callable

    law = next(law for law in load_laws() if law.id == "weights/as-defined")
    counts = []
    for pace in (0.0, 0.1):
        ticks = iter(range(10**6))
        monkeypatch.setattr(investigation.time, "process_time", lambda ticks=ticks, pace=pace: pace * next(ticks))
        made = implementation_of(as_callable("tail-keys-dropped"), name="kernel")
        found, _ = Investigation(made, "float32").of(law, [STRUCTURE], lambda case: None)
        counts.append((len(found.samples), [s.fault.name for s in found.full]))
    assert counts[0] == counts[1]
