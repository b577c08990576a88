"""The operations: for each a module that says all that the kit must know of it, in one record."""

from .known import UnknownOperation, known_operations, operation_named, register
from .operation import Operation, Trial

__all__ = ["Operation", "Trial", "UnknownOperation", "known_operations", "operation_named", "register"]
