"""A number with its noun, for every sentence that counts something."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """`1 law`, `2 laws`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
