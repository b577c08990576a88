"""Linear attention: its record, its options, and what is drawn for them."""

from .record import LINEAR_ATTENTION as OPERATION

__all__ = ["OPERATION"]
