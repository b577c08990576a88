"""Parts of a run for several machines: `--shard 2/3` is the second of three that together are the whole.

A shard follows from the cases alone, so that machines need not talk to one another. Cases are dealt like cards: those of one
implementation and dtype lie together, in an order that has nothing to do with chapters, so that each shard gets its share of
every implementation, every dtype and, on the whole, of what is slow.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .selection import Case

__all__ = ["Shard"]


@dataclass(frozen=True)
class Shard:
    """Part `number`, from 1, of `of`."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """From `2/3`. Raises ValueError with a sentence."""
        found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        shard = cls(int(found[1]), int(found[2])) if found else None
        if shard is None or not 1 <= shard.number <= shard.of:
            raise ValueError(f"a shard is I/N with I from 1 to N, as 2/3, not {text!r}")
        return shard

    def of_cases(self, cases: Sequence[Case]) -> list[Case]:
        """The cases of this shard, in their order."""
        dealt = sorted(range(len(cases)), key=lambda place: _order(cases[place]))
        mine = set(dealt[self.number - 1 :: self.of])
        return [case for place, case in enumerate(cases) if place in mine]


def _order(case: Case) -> tuple[str, str, bytes]:
    law, implementation, dtype = case.key
    return implementation, dtype, hashlib.sha256(law.encode()).digest()
