"""What a wrong row of an output looks like: which single mistake gives these very numbers.

The weights of a row are known, and so are the values. For each mistake that a kernel makes one at a time (a key left out,
counted twice, seen though hidden, the values of another key or head) the row that it would give is computed and compared
with the row that came. Mistakes are named only where they explain every number of the row, and all that do are named; where
more than a few do, the row does not tell, and a guess would send its reader astray.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....reference.rounding import round_to, unit_in_last_place
from ....meaning import attended
from ....problems.problem import Problem
from ...over_heads.scale import descaled_values

__all__ = ["read_rows"]

Array = NDArray[np.float64]

LONGEST = 256
"""Keys up to which each is tried with the values of every other."""

MOST = 2
"""Explanations that one sentence may offer."""

ROOM = 2.0**-16
"""What a float32 computation may lose of the size of the values; far below what one key of a few hundred does."""


@dataclass(frozen=True, eq=False)
class _Row:
    """odds: exp(score − max) of each key, 0 where hidden, (Sk,). v: (Sk, Dv). got, due: (Dv,). close: how near is the same."""

    odds: Array
    seen: Any
    v: Array
    got: Array
    due: Array
    close: Array

    @property
    def total(self) -> float:
        return float(self.odds.sum())

    @property
    def sums(self) -> Array:
        return self.odds @ self.v


def read_rows(p: Problem, out: Array, places: Any, dtype: str | None = None) -> list[str]:
    """A sentence for each place (b, h, i, d) of an output (B, Hq, Sq, Dv) that is wrong; the places of one row share one.

    dtype: of the output, that of p where it is not given.
    """
    dtype = dtype or p.dtype
    first = {tuple(int(n) for n in place[:3]): tuple(int(n) for n in place) for place in reversed(places)}
    return [_sentence(p, out, first[row], dtype) for row in dict.fromkeys(tuple(int(n) for n in place[:3]) for place in places)]


def _sentence(p: Problem, out: Array, place: tuple[int, ...], dtype: str) -> str:
    due = round_to(attended(p).out[place], dtype)
    line = f"at {list(place)}: {out[place]:.9g} where {due:.9g} is due"
    explained = _explained(p, out, place[0], place[1], place[2], dtype)
    return f"{line}: {explained}" if explained else line


def _explained(p: Problem, out: Array, b: int, h: int, i: int, dtype: str) -> str:
    facts, values = attended(p), descaled_values(p)
    got, due, seen = out[b, h, i], facts.out[b, h, i], facts.visible[b, h, i]
    own = h // (p.hq // p.hkv)
    if not (np.isfinite(got).all() and seen.any() and p.dv and np.isfinite(values).all()):
        return ""
    scores = np.where(seen, facts.scores[b, h, i], -np.inf)
    odds = np.exp(scores - scores.max())
    odds[odds < ROOM] = 0.0
    close = unit_in_last_place(np.maximum(np.abs(got), np.abs(due)), dtype) + ROOM * np.abs(values[b, own]).max()
    row = _Row(odds, seen, values[b, own], got, due, close)
    heads = {(n, g): values[n, g] for n in range(p.b) for g in range(p.hkv) if (n, g) != (b, own)}
    for group in (_of_keys(row), _of_heads(row, heads, b), _of_parts(row)):
        found = list(group)
        if found:
            return ", or ".join(found) if len(found) <= MOST else ""
    return ""


def _matching(row: _Row, made: Array) -> list[int]:
    """Which of the rows that mistakes would give, (n, Dv), are the row that came and are not the right one."""
    with np.errstate(invalid="ignore"):
        same = (np.abs(made - row.got) <= row.close).all(-1)
        wrong = (np.abs(made - row.due) > row.close).any(-1)
    return [int(n) for n in np.flatnonzero(same & wrong)]


def _of_keys(row: _Row) -> Iterator[str]:
    """Mistakes about one key. Some of them differ only in whether the row sum makes the mistake too."""
    odds, total, sums = row.odds[:, None], row.total, row.sums
    each, counts = odds * row.v, row.odds > 0
    hidden = np.where(row.seen, np.nan, 1.0)[:, None]
    if not row.got.any():
        yield "the row is 0"
        return
    alone = np.count_nonzero(counts) == 1
    if alone:
        own = int(row.odds.argmax())
        yield from (f"it holds the values of key {key}, not of key {own}" for key in _matching(row, row.v))
    with np.errstate(all="ignore"):
        made = {
            "key {} is missing": (sums - each) / (total - odds),
            "key {} is missing, though the row sum has it": (sums - each) / total,
            "key {} counts twice": (sums + each) / (total + odds),
            "key {} counts twice, once in the row sum": (sums + each) / total,
        }
        for sentence, rows in made.items():
            yield from (sentence.format(key) for key in _matching(row, rows) if counts[key])
        yield from (f"key {key} is seen, which is hidden" for key in _matching(row, (sums + hidden * row.v) / (total + 1)))
        if len(row.v) <= LONGEST and not alone:
            swapped = (sums + odds[:, :, None] * (row.v[None] - row.v[:, None])) / total
            pairs = (divmod(n, len(row.v)) for n in _matching(row, swapped.reshape(-1, row.v.shape[1])))
            yield from (f"key {key} has the values of key {other}" for key, other in pairs if counts[key])


def _of_heads(row: _Row, heads: dict[tuple[int, int], Array], b: int) -> Iterator[str]:
    for n in _matching(row, np.array([row.odds @ v / row.total for v in heads.values()])) if heads else []:
        entry, head = list(heads)[n]
        yield f"it holds the values of key head {head}" + (f" of batch entry {entry}" if entry != b else "")


def _of_parts(row: _Row) -> Iterator[str]:
    """Whole ends of the keys left out or counted twice, weights forgotten, the right row times a number."""
    before = np.concatenate([np.zeros((1, row.v.shape[1])), np.cumsum(row.odds[:, None] * row.v, axis=0)])
    count = np.concatenate([[0.0], np.cumsum(row.odds)])[:, None]
    total, sums = row.total, row.sums
    with np.errstate(all="ignore"):
        made = {
            "the keys from {} on are missing": before / count,
            "the keys before {} are missing": (sums - before) / (total - count),
            "the keys from {} on count twice": (2 * sums - before) / (2 * total - count),
        }
        for sentence, rows in made.items():
            changed = np.diff(count[:, 0], append=np.inf) != 0
            yield from (sentence.format(key) for key in _matching(row, rows) if changed[key])
        seen, hidden = (row.seen @ row.v)[None], (~row.seen @ row.v)[None]
        alike = {
            "every visible key counts as much as the one with the largest score": (seen / total, seen / row.seen.sum()),
            "the hidden keys are seen too": ((sums + hidden) / (total + (~row.seen).sum()),),
            "the hidden keys are seen instead of the others": (hidden / (~row.seen).sum(),),
        }
        found = [sentence for sentence, rows in alike.items() if any(_matching(row, made) for made in rows)]
        if found:
            yield from found
            return
        largest = int(np.abs(row.due).argmax())
        ratio = row.got[largest] / row.due[largest]
        if abs(row.due[largest]) > row.close[largest] and _matching(row, (ratio * row.due)[None]):
            yield f"it is {ratio:.6g} times the right row"
