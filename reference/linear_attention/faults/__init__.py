"""Known mistakes about linear attention: its recurrence with one step replaced, or with one argument read wrongly."""

from ...faults.making import Defined
from . import carried, chunks, interface, recurrence

__all__ = ["DEFINED", "carried", "chunks", "interface", "recurrence"]

DEFINED = Defined(recurrence.definition)
