"""A report in both its shapes, converted once, where it comes in.

What is written keeps the order of its keys, and what a later version writes beside, so it is written from plain data. Whoever
reads a report reads its types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .schema import Report, checked

__all__ = ["Record"]


@dataclass(frozen=True)
class Record:
    """data: as report.json has it. report: the same as types."""

    data: dict[str, Any]
    report: Report

    @classmethod
    def of(cls, data: dict[str, Any]) -> Record:
        """The record of what stands in report.json. Raises SchemaError."""
        return cls(data, checked(data, Report, "the report"))
