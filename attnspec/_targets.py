"""The implementations that a command is about, once it is known that importing them does not end the command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attnspec.conformance.selection import Target

__all__ = ["targets_of"]


def targets_of(addresses: Sequence[str], seconds: float | None = None, *, hosted: bool = False) -> list[Target]:
    """As `find_targets`. seconds: that an import may take, if that is less than usual.

    hosted: whether they are imported and called in processes of their own, where the system can do that; if not, another
    process tries the import before.
    Raises ContractError or Mistake.
    """
    from attnspec.adapters.trial_import import try_imports
    from attnspec.conformance.hosts.describing import hosts_can_be_had
    from attnspec.conformance.selection import find_targets

    hosted = hosted and hosts_can_be_had()
    if not hosted:
        try_imports(addresses, seconds)
    return find_targets(addresses, hosted=hosted, seconds=seconds)
