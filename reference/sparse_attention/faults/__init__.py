"""Known mistakes about sparse attention: its pattern with one step replaced, or its answer with one thing changed."""

from ...faults.making import Defined
from . import blocks, choice, patterns

__all__ = ["DEFINED", "blocks", "choice", "patterns"]

DEFINED = Defined(patterns.definition, conventions=("causal_alignment", "empty_rows"))
