"""Where the kit keeps what can be made again: certificates, and what frameworks compiled."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """$ATTNSPEC_CACHE, else attnspec under $XDG_CACHE_HOME, else under ~/.cache where that is no absolute path."""
    if os.environ.get("ATTNSPEC_CACHE"):
        return Path(os.environ["ATTNSPEC_CACHE"])
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (home if home.is_absolute() else Path("~/.cache").expanduser()) / "attnspec"
