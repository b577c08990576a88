"""What a table of the page says: heads of columns, and rows that have a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Row", "Table"]

R = TypeVar("R")
C = TypeVar("C")


@dataclass(frozen=True)
class Table(Generic[R]):
    """heads: of the columns, that of the names first."""

    heads: Sequence[str]
    rows: Sequence[R]


@dataclass(frozen=True)
class Row(Generic[C]):
    """kind: of the rows that begin here, where a table has rows of several kinds."""

    name: str
    cells: Sequence[C]
    kind: str = ""
