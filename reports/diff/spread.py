"""Whether a ratio error / bound moved by more than it differs from run to run. No size of a step is written down here.

The largest ratio of a law depends on the problems that were drawn. Two cases are told apart by what the reports record.

- The same problems (the hash of the decided problems is the same, and so is NumPy, which draws their values): a deterministic
  kernel gives the same ratio to the last bit, so the run-to-run spread is zero and any change is a change.
- Other problems (another seed, another budget): if nothing changed, the ratios of both runs are draws from one distribution,
  and every order of them is equally likely. Then the chance that the k largest of all are all of the new run is
  C(n + m - k, m) / C(n + m, m) for n new and m old problems, whatever the distribution is. So k ratios above everything
  that the old run saw are a move only where that chance is at most the one that the kit grants its own bounds, which the
  report states as `false_alarms`. Moves downwards are the same with the runs exchanged.

Source: P. R. Rosenbaum's precedence test, "Tables for a nonparametric test of location", Annals of Mathematical Statistics 25
(1954), 146-150.
"""

from __future__ import annotations

from typing import Any

from ..schema.result import Ratios, Result

__all__ = ["above_chance", "moved", "number"]

SAME, OTHER, FEW, UNKNOWN = "same problems", "other problems", "too few problems", "no record"
"""How a pair was compared. FEW: not even a complete separation would be a move. UNKNOWN: a report without `ratios`."""


def number(ratio: Any) -> float:
    """A ratio as it stands in a report, where infinities and NaN are strings."""
    return float(ratio)


def above_chance(k: int, fresh: int, other: int) -> float:
    """The chance that the k largest of fresh + other exchangeable numbers are all among the fresh ones."""
    chance = 1.0
    for i in range(k):
        chance *= max(0, fresh - i) / (fresh + other - i)
    return chance


def moved(old: Result, new: Result, *, numpy_is_the_same: bool, alarm: float) -> tuple[int, str]:
    """Direction of a move (1 up, -1 down, 0 none) and how it was found out: one of the four words above.

    old, new: results that passed, with a worst_ratio each. alarm: the chance that a move is one by chance, at most.
    """
    was, now = old.ratios, new.ratios
    if not was or not now:
        return 0, UNKNOWN
    if numpy_is_the_same and was.problems == now.problems:
        before, after = number(old.worst_ratio), number(new.worst_ratio)
        return (after > before) - (after < before), SAME
    up, down = _chances(now, was), _chances(was, now)
    if min(up[1], down[1]) > alarm:
        return 0, FEW
    return (1 if up[0] <= alarm else -1 if down[0] <= alarm else 0), OTHER


def _chances(fresh: Ratios, other: Ratios) -> tuple[float, float]:
    """The chance of what is seen, and of the clearest thing that could be seen, if nothing changed."""
    top = max((number(ratio) for ratio in other.largest), default=0.0)
    above = sum(number(ratio) > top for ratio in fresh.largest)
    sizes = fresh.count, other.count
    return above_chance(above, *sizes), above_chance(len(fresh.largest), *sizes)
