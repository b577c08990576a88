"""The operations: for each a folder with all that the kit must know of it, in one record, and with its options.

An operation from elsewhere is a package of its own that imports what it needs from here and calls `register`.
"""

from .known import UnknownOperation, known_operations, load_installed, load_parts, operation_named, register
from .operation import Operation, Trial
from .sizes import Size

__all__ = [
    "Operation",
    "Size",
    "Trial",
    "UnknownOperation",
    "known_operations",
    "load_installed",
    "load_parts",
    "operation_named",
    "register",
]
