"""Which laws one worker runs one after the other."""

from __future__ import annotations

from attnspec.conformance.plugin.scheduler import _alone, _whole
from attnspec.conformance.selection import find_targets, make_plan


def test_equal_options_share_a_worker_and_others_do_not() -> None:
    names = ["numpy/linear-chunked", "torch/linear-recurrent", "numpy/random-features", "jax/linear-scan"]
    plan = make_plan(find_targets(names), laws=["linear/as-defined", "random/as-defined"], dtype="float32")
    groups = {case.target.implementation.name: _whole(case) for case in plan.cases()}
    assert groups["numpy/linear-chunked"] == groups["torch/linear-recurrent"]
    assert len(set(groups.values())) == 3 and len({_alone(case) for case in plan.cases()}) == 4
