"""How much memory a host may have: half of the machine's, so that one that asks for more takes nobody else along."""

from __future__ import annotations

import contextlib
import os

__all__ = ["keep_within", "limit"]


def limit() -> int:
    """Bytes; 0 where the system does not say what it has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (ValueError, OSError, AttributeError):
        return 0


def keep_within() -> None:
    """Hold this process to the limit, in memory that is its own. Beyond it an allocation fails, as where there is no more.

    Source: https://man7.org/linux/man-pages/man2/getrlimit.2.html, RLIMIT_DATA
    """
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        if most := limit():
            resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))
