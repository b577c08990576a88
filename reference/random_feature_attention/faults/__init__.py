"""Known mistakes about random feature attention: its definition with one step replaced, or another projection drawn."""

from ...faults.making import Defined
from . import drawn, features

__all__ = ["DEFINED", "drawn", "features"]

DEFINED = Defined(features.definition)
