"""pytest-xdist's group scheduler, made to survive many deaths.

Two things in xdist 3.8 stop a run in which workers keep dying. When one replacement has collected its items, every worker is
given work, also one that is still collecting: a KeyError. And a worker runs an item only when it knows the next one, so one
that inherits a group with a single item left waits for ever while other groups wait for a worker.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadGroupScheduling

__all__ = ["LawScheduling"]


class LawScheduling(LoadGroupScheduling):
    """Keeps the laws of one implementation and dtype in one worker, whatever happens to the workers."""

    def _reschedule(self, node: Any) -> None:
        if node not in self.registered_collections:
            return  # Still collecting; it gets work when it has collected.
        super()._reschedule(node)
        while self.workqueue and not node.shutting_down and self._pending_of(self.assigned_work[node]) < 2:
            self._assign_work_unit(node)
        if not self.workqueue:
            node.shutdown()  # After the items it has; without this it would not run its last one.
