"""Random feature attention: its record, its options, and what is drawn for them."""

from .record import RANDOM_FEATURE_ATTENTION as OPERATION

__all__ = ["OPERATION"]
