"""The mask that a kernel keeps beside the one that is due, as blocks of characters.

Most mistakes about what is hidden are plain at a glance: a diagonal one too far, a tail that is missing, a corner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.subject import Broken, NotClaimed, Raised, Subject
from ..meaning import attended
from ..problems.build import build
from ..vocabulary.word import Undecided
from .reading import KeyState, read_mask, unadded
from .sample import Sample

__all__ = ["MARKS", "beside", "mask_block", "mask_picture"]

MARKS = {"seen": "■", "hidden": "·", "leaked": "+", "lost": "−", "nan": "?", "infinite": "∞"}
"""seen and hidden, both rightly; leaked: seen though hidden; lost: hidden though due. nan, infinite: neither."""

STRANGE: dict[int, tuple[str, str]] = {KeyState.NAN: ("nan", "NaN"), KeyState.INFINITE: ("infinite", "infinite")}
"""States that tell neither seen nor hidden: their mark and their words."""

ROWS, KEYS = 12, 40
"""The largest mask that a finding shows."""

SIZES = ((5, 8), (7, 4), (3, 19))
"""Queries and keys that tell most: more keys, more queries, and a few keys past a tile of 16."""

TRIED = 4
"""Wrong problems whose options are tried at these sizes."""

GAP = "   "


def mask_picture(samples: Sequence[Sample], subject: Subject) -> list[str]:
    """Lines with the mask that is due and the one that is kept, as small as tells; empty where none differs."""
    wrong = sorted((s.structure for s in samples if not s.correct), key=lambda s: (len(s.options), s.query()))
    tried = [s.sized(b=min(s.b, 2), hq=min(s.hq, 4), hkv=1, sq=sq, sk=sk) for sq, sk in SIZES for s in wrong[:TRIED]]
    for structure in (*tried, *(s for s in wrong if s.sq <= ROWS and s.sk <= KEYS)):
        p = build(structure, subject.conventions)
        try:
            due: Any = attended(unadded(p)).visible
            kept: Any = read_mask(subject, p)
        except (Undecided, NotClaimed, Broken, Raised, ValueError):
            continue
        # What a row gives that sees nothing is a convention, and no mask; only zeros say that it sees nothing.
        seen = due.any(-1, keepdims=True) | (subject.conventions.get("empty_rows") == "zeros")
        differs = ((due != kept) & seen).any((-1, -2))
        if differs.any():
            b, h = (int(n) for n in np.argwhere(differs)[0])
            shown = np.where(seen[b, h], kept[b, h], due[b, h])
            place = f", batch entry {b}, head {h}" if p.b * p.hq > 1 else ""
            blocks = beside(mask_block(due[b, h], due[b, h]), mask_block(due[b, h], shown))
            return [f"due, and kept ({p.sq} queries, {p.sk} keys{place})", *blocks, legend(shown)]
    return []


def mask_block(due: Any, kept: Any) -> list[str]:
    """A mask (Sq, Sk), a KeyState each or bool, as one line a row, with marks where it is not what is due."""
    return ["".join(_mark(bool(d), int(k)) for d, k in zip(*row, strict=True)) for row in zip(due, kept, strict=True)]


def beside(left: Sequence[str], right: Sequence[str]) -> list[str]:
    """Two blocks of equally many lines, side by side."""
    width = max((len(line) for line in left), default=0)
    return [f"{a:<{width}}{GAP}{b}".rstrip() for a, b in zip(left, right, strict=True)]


def legend(kept: Any) -> str:
    """What the marks mean; those of NaN and infinity where there is one."""
    meant = {"seen": "seen", "hidden": "hidden", "leaked": "seen though hidden", "lost": "hidden though due"}
    strange = {name: words for state, (name, words) in STRANGE.items() if (np.asarray(kept) == state).any()}
    if strange:  # so that a line has room for them
        meant |= {"leaked": "wrongly seen", "lost": "wrongly hidden", **strange}
    return ", ".join(f"{MARKS[name]} {words}" for name, words in meant.items())


def _mark(due: bool, kept: int) -> str:
    if kept in STRANGE:
        return MARKS[STRANGE[kept][0]]
    return MARKS[
        {(True, True): "seen", (False, False): "hidden", (False, True): "leaked", (True, False): "lost"}[due, bool(kept)]
    ]
