"""pytest-xdist's group scheduler, with the groups of laws, and made to survive many deaths.

A group is an implementation in one dtype and one chapter, small enough that no worker waits long for another. Implementations
with the same options are in one group, for they meet the same problems, and what is known of these is then known to the worker.
A framework that compiles each shape (JAX) has all chapters in one group. Groups become smaller where a worker would else have
nothing to do. They are read off the items' names, because the suffix by which xdist 3.8 marks them is lost in pytest 9.2.

Two more things in xdist 3.8 stop a run in which workers keep dying. When one replacement has collected its items, every worker
is given work, also one that is still collecting: a KeyError. And a worker runs an item only when it knows the next one, so one
that inherits a group with a single item left waits for ever while other groups wait for a worker.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

from ..selection import Case

__all__ = ["LawScheduling"]


class LawScheduling(LoadGroupScheduling):
    """Keeps the laws of a group in one worker, whatever happens to the workers."""

    def __init__(self, config: pytest.Config, log: Any, cases: Collection[Case]) -> None:
        super().__init__(config, log)
        for names in (_whole, _alike, _alone):
            self._groups = {case.name: names(case) for case in cases}
            if len(set(self._groups.values())) >= self.numnodes:
                break

    def _split_scope(self, nodeid: str) -> str:
        return self._groups.get(nodeid.partition("::")[2]) or str(super()._split_scope(nodeid))

    def _reschedule(self, node: Any) -> None:
        if node not in self.registered_collections:
            return  # Still collecting; it gets work when it has collected.
        super()._reschedule(node)
        while self.workqueue and not node.shutting_down and self._pending_of(self.assigned_work[node]) < 2:
            self._assign_work_unit(node)
        if not self.workqueue:
            node.shutdown()  # After the items it has; without this it would not run its last one.


def _alone(case: Case) -> str:
    return f"{case.target.implementation.name}-{case.dtype}-{case.law.chapter}"


def _alike(case: Case) -> str:
    made = case.target.implementation
    options = ",".join(sorted({*made.options, *(f"backward {name}" for name in made.backward_options)}))
    return f"{made.operation}({options})-{made.mode}-{case.dtype}-{case.law.chapter}"


def _whole(case: Case) -> str:
    made = case.target.implementation
    return f"{made.name}-{case.dtype}" if made.compiles else _alike(case)
